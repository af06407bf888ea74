"""Nothing is shared by all tests; each folder holds its own fixtures, `support/` what many use."""

from hypothesis import settings

# A busy machine is no failure: no test waits for a clock, generated ones neither.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
