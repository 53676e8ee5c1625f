"""The training step made quicker: compiled on the CPU, captured as a CUDA graph.

Does not know what is measured of a step.
"""
