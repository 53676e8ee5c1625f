"""Several lanes side by side: the same view of each, with the same axes, at the same clock."""
