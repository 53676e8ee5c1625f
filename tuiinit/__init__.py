"""Watch what weight initialisation and batch normalisation do to a deep network while it trains."""

__version__ = "0.1.0"
