"""Events told to whoever asked for them: signed, retried, and never a payload."""
