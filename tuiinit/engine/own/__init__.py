"""A person's own network: found in their file, built, and looked at.

Does not know the lecture's network, nor who asked.
"""
