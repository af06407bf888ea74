"""The store: records, the audit file, and the keys apart from both."""
