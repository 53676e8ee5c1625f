"""The sweep's screen. Does not know how a sweep is run."""
