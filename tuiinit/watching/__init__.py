"""Watching a training run that goes on under somebody's own script: `tuiinit.watch`, and what it writes.

Does not know who reads the recording, nor how the network was made.
"""
