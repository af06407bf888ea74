"""The audit: one hash chain per tenant, and counts of what resolved to nobody."""
