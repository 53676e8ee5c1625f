"""Networks of well-known libraries, untrained: nothing bad may be said of them."""
