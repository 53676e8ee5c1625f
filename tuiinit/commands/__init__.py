"""Commands without a screen, each a click command that `cli` takes in, and the options that make a configuration.

Imports late, as `cli` does. Does not know how a network is trained, measured or judged.
"""
