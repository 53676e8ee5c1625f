"""The screen: panes, dialogs, keys obeyed, and the tour through the notes.

Does not know torch, nor how a number was measured.
"""
