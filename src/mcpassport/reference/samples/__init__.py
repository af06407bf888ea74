"""Samples that the reference prints. A test runs each of them."""
