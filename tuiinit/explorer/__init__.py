"""The explorer: the screen. It never loads torch."""
