"""Results as text, tables, JSON and Markdown, for a terminal without a screen and for files.

Does not know keys: advice is written as options.
"""
