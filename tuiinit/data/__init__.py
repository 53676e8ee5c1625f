"""Words and where they come from: the list that is shipped, files, tables, pipes.

Does not know networks, messages or screens.
"""
