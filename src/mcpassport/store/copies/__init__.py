"""Copies of a whole store: between engines, into a backup, and out of one."""
