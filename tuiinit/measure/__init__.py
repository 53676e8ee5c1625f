"""Tensors to plain numbers: statistics and histograms of outputs, gradients and weights.

Does not know how the network was made, nor who reads the numbers.
"""
