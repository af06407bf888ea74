"""The JSON Schema of `reference.json`, published beside it."""

from typing import Any

import msgspec

from mcpassport.reference.document import Document


def document_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) that every `reference.json` of this version satisfies."""
    schema = msgspec.json.schema(Document)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mcpassport reference document, format 1",
        **schema,
    }
