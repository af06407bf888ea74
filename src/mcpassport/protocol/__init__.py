"""MCP over HTTP POST: two eras, no sessions, three methods that matter."""
