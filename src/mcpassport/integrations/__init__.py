"""Integrations as people write them: read, check, compile, compare and keep their versions."""
