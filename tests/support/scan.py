"""The search for secrets is the product's own: evidence is found with what the tests use."""

from mcpassport.evidence.scan import found_in, scan

__all__ = ["found_in", "scan"]
