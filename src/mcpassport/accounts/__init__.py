"""Tenants and their integrated accounts: the owner of upstream credentials."""
