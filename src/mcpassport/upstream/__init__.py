"""One tool call is one request to the upstream API: build, authorize, send, interpret."""
