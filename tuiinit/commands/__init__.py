"""Commands on a person's own network, each a click command that `cli` takes in.

Imports late, as `cli` does. Does not know how a network is measured or judged.
"""
