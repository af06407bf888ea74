"""`reference.schema.json`: the JSON Schema of the document, the same for every document."""

import msgspec

from mcpassport.reference.schema import document_schema


def render() -> bytes:
    """The JSON Schema (2020-12) that `reference.json` satisfies, indented."""
    return msgspec.json.format(msgspec.json.encode(document_schema()), indent=2) + b"\n"
