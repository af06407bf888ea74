"""The catalog: tools generated from an integration and its documentation records, and digests."""
