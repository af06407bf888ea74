"""Pages for people, beside the reference."""
