"""From standard input and output to an MCP server over HTTP, for clients that only start commands.

`lines` reads and writes · `messages` what a line says of itself, and the headers it needs ·
`answers` what an HTTP answer becomes · `bridge` puts them together.
"""
