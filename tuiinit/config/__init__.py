"""What a run is: its settings, their bounds and words, and how they are read and written.

Does not know what a setting does to a network: that is the engine's.
"""
