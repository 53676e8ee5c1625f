"""The machine that the program runs on: folders, streams, text that is safe to show.

Does not know what the program is about.
"""
