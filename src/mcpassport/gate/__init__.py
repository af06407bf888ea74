"""The gate: who is asking, and may they. Tokens, admission, servers, API tokens, principals."""
