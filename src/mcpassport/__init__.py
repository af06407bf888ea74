"""mcpassport: tenant-scoped MCP servers over a vendor's API, and the reference that proves it."""

__version__ = "0.1.0"
