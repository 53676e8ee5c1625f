"""Windows that ask or tell one thing: help, where to save, what to export."""
