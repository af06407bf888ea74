"""The published reference: catalog and settings in, one document and its renderings out."""
