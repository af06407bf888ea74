"""Descriptions for the importer tests: a small one to change at will, and where real ones are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from mcpassport.integrations.openapi import Imported

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "openapi"
CASES = ROOT / "tests" / "cases" / "openapi"

ImportText: TypeAlias = Callable[[str | bytes], Imported]
ImportValue: TypeAlias = Callable[..., Imported]

SMALL: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Small", "version": "1"},
    "servers": [{"url": "https://small.example"}],
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "integer", "format": "int64"},
                    "name": {"type": "string", "nullable": True, "maxLength": 20},
                    "part": {"$ref": "#/components/schemas/Thing"},
                },
            }
        },
    },
    "paths": {
        "/things": {
            "get": {
                "operationId": "listThings",
                "description": "Lists things.",
                "parameters": [
                    {"name": "page", "in": "query", "schema": {"type": "integer"}},
                    {"name": "per_page", "in": "query", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {
                        "description": "Things.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "data": {
                                            "type": "array",
                                            "items": {"$ref": "#/components/schemas/Thing"},
                                        }
                                    },
                                }
                            }
                        },
                    }
                },
            },
            "post": {
                "operationId": "createThing",
                "description": "Creates a thing.",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
                "responses": {"201": {"description": "Created."}},
            },
        },
        "/things/{thing_id}": {
            "parameters": [
                {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {
                "operationId": "getThing",
                "description": "Returns a thing.",
                "responses": {"200": {"description": "A thing."}},
            },
        },
    },
}


def write_folder(imported: Imported, folder: Path) -> Path:
    """Write an import as a folder, and name it."""
    for name, text in imported.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
