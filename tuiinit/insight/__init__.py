"""What numbers mean: theory to hold them against, thresholds, and findings in sentences.

Does not know screens, keys, torch, or where the numbers come from.
"""
