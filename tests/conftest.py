"""Nothing is shared by all tests; each folder holds its own fixtures, `support/` what many use."""
