"""What is wrong with a network before its first step: rules over the figures of a check."""
