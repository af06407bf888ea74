"""Frozen types that travel between the layers. No I/O, and nothing here knows who uses it."""
