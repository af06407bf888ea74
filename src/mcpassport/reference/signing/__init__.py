"""Signed releases: the key, the statement in its envelope, and the verification of both."""
