"""The stops of the tour, in the notes' order."""
