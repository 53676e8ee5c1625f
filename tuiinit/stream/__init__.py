"""What the engine and its readers say to each other, and how it is carried, kept and opened again.

Does not know who trains, and draws nothing.
"""
