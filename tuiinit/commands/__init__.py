"""Commands on a person's own network, each a click command that `cli` takes in.

Imports late, as `cli` does.
"""
