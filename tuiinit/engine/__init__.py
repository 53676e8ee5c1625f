"""The engine: the only part of the program that loads torch. It runs as a process of its own."""
