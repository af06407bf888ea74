"""The command line: parses, calls the management API, prints."""
