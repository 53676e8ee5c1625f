"""A recording as files that other programs open: TensorBoard's event files, tables, lines of JSON.

Does not know who recorded it, nor that there is a screen.
"""
