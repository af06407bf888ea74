"""What the outside reaches: the MCP endpoint, the management API, the reference pages."""
