"""The parts of the main screen. What they show is computed by pure functions from the session."""
