"""Runs without a screen: one, many at once, sweeps with a recommendation, and the notes' claims.

Does not know how its results are shown.
"""
