"""Sweeps: a plan of runs, what is measured of each, and which setting to start from.

Does not know how a sweep is drawn or printed.
"""
