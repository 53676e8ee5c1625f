"""Words and where they come from: the list that is shipped, files, tables, pipes.

This room does not know networks, messages or screens, and loads no PyTorch.
"""
