"""The description of the bench's upstream that every peer is given."""

from typing import Any


def description(upstream: int, tools: int = 1) -> dict[str, Any]:
    """OpenAPI 3.1 of the two operations; with `tools`, of so many more."""
    paths: dict[str, Any] = {
        "/notes/{id}": {"get": _operation("get_note")},
        "/large/{id}": {"get": _operation("get_large")},
    }
    for number in range(tools - 2):
        paths[f"/notes/{number}/{{id}}"] = {"get": _operation(f"get{number:04d}")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bench", "version": "1"},
        "servers": [{"url": f"http://127.0.0.1:{upstream}/v1"}],
        "paths": paths,
    }


def _operation(name: str) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 64}
    view = {"type": "string", "enum": ["full", "short"]}
    return {
        "operationId": name,
        "summary": "Get a note",
        "description": "Returns one note, as the upstream answered it.",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "Id of the note.",
                "schema": text,
            },
            {
                "name": "view",
                "in": "query",
                "description": "How much of the note is answered.",
                "schema": view,
            },
        ],
        "responses": {
            "200": {
                "description": "A note",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }
