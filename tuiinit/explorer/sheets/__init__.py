"""Widgets that show rows of text and plots, and redraw only rows that changed."""
