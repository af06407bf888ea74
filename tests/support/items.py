"""The integration of the whole-app tests: one method for each way that a value can travel."""

from typing import Any

TREE: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": True}
WHOLE = {"type": ["integer", "string"], "description": "A whole number of any size."}
TEXT = {"type": "string", "description": "Some text."}
METER = {
    "is_limited": "$exists(body.limited)",
    "limit": "body.limited.limit",
    "reset": "body.limited.until",
    "reset_unit": "epoch_ms",
}


def items(origin: str, **config: Any) -> dict[str, Any]:
    """The content, with its API at `origin`, under the path prefix `/v1`."""
    resources = {
        name: {**resource, "methods": {m: entry[0] for m, entry in methods.items()}}
        for name, (resource, methods) in _resources().items()
    }
    records = [
        {"resource": name, "method": method, "description": f"{method} of {name}.", **entry[1]}
        for name, (_, methods) in _resources().items()
        for method, entry in methods.items()
    ]
    return {
        "config": {
            "format": 1,
            "name": "lab",
            "label": "Lab",
            "base_url": f"{origin}/v1",
            "credentials": [{"kind": "bearer"}],
            "authorization": {"kind": "bearer"},
            "resources": resources,
            **config,
        },
        "documentation": records,
    }


def _schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _query(**properties: Any) -> dict[str, Any]:
    return {"query_schema": _schema(**properties)}


def _body(*required: str, **properties: Any) -> dict[str, Any]:
    return {"body_schema": _schema(*required, **properties)}


def _standard() -> dict[str, Any]:
    by_id = "/items/{{args.id}}"
    kinds = {"type": "string", "enum": ["plain", "fancy"], "description": "Which kind."}
    return {
        "list": (
            {
                "http": "GET",
                "path": "/items",
                "response_path": "data",
                "pagination": {
                    "kind": "cursor",
                    "cursor_path": "next",
                    "cursor_param": "after",
                    "limit_param": "limit",
                    "max_limit": 100,
                },
            },
            _query(kind=kinds),
        ),
        "get": ({"http": "GET", "path": by_id}, {}),
        "create": (
            {"http": "POST", "path": "/items"},
            _body(
                "text",
                text={**TEXT, "maxLength": 100_000},
                number=WHOLE,
                count={"type": "integer", "description": "How many."},
                kind=kinds,
                due={"type": "string", "format": "date", "description": "A date."},
                tree={"description": "Anything."},
            ),
        ),
        "delete": ({"http": "DELETE", "path": by_id, "tags": ["danger"]}, {}),
    }


def _custom() -> dict[str, Any]:
    mirrored = {"type": "string", "x-mcp-header": "Region", "description": "A region."}
    headers = _schema(**{"X-Note": TEXT})
    exact = {"type": ["integer", "string", "null"], "description": "A whole number."}
    return {
        "count": (
            {"http": "POST", "path": "/count", "body": {"number": "{{args.number:int}}"}},
            _body("number", number=TEXT),
        ),
        "search": (
            {
                "http": "POST",
                "path": "/search",
                "request": '{"body": {"wanted": args.text, "number": args.number}}',
            },
            _body(text=TEXT, number=exact, only={"type": "integer", "description": "A number."}),
        ),
        "note": ({"http": "POST", "path": "/note"}, {"header_schema": headers}),
        "find": ({"http": "GET", "path": "/find"}, _query(text=TEXT, number=WHOLE)),
        "report": (
            {"http": "GET", "path": "/report", "errors": "body.ok = false ? body.why"},
            {},
        ),
        "shape": ({"http": "GET", "path": "/shape", "response": "body.rows"}, {}),
        "fails": ({"http": "GET", "path": "/fails", "response": "body.rows + 1"}, {}),
        "metered": ({"http": "GET", "path": "/metered", "rate_limit": METER}, {}),
        "card": (
            {
                "http": "GET",
                "path": "/cards/{{args.number}}",
                "content": [
                    {"type": "text", "value": "body.title"},
                    {"type": "image", "value": "body.picture", "mime_type": "image/png"},
                    {"type": "audio", "value": "body.sound", "mime_type": "audio/wav"},
                    {
                        "type": "resource",
                        "value": "body.text",
                        "mime_type": "text/markdown",
                        "uri": "lab://cards/{{args.number}}",
                    },
                ],
            },
            {"path_schema": _schema("number", number=TEXT)},
        ),
        "job": (
            {
                "http": "POST",
                "path": "/jobs",
                "timeout_s": 6,
                "stream": "ndjson",
                "progress": '{"progress": body.done, "total": 3, "message": body.said}',
                "final": 'body.done = 3 ? {"result": body.result, "events": $count(events)}',
            },
            _body(text=TEXT),
        ),
        "ask": (
            {
                "http": "GET",
                "path": "/ask",
                "requires_client_capabilities": ["sampling", "elicitation.url"],
            },
            {},
        ),
        "feed": (
            {
                "http": "GET",
                "path": "/feed",
                "stream": "sse",
                "progress": 'event = "step" ? {"progress": body.done}',
                "content": [{"type": "text", "value": "body.text"}],
            },
            {},
        ),
        "slow": ({"http": "GET", "path": "/slow", "timeout_s": 0.3}, {}),
        "region": ({"http": "POST", "path": "/region"}, _body(region=mirrored)),
        "open": ({"http": "POST", "path": "/open"}, {"body_schema": TREE}),
    }


def _listing(path: str, **pagination: Any) -> dict[str, Any]:
    paging = {"limit_param": "limit", **pagination}
    method = {"http": "GET", "path": path, "response_path": "data", "pagination": paging}
    return {"list": (method, _query(text=TEXT))}


def _resources() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    folder = {"http": "GET", "path": "/folders/{{args.folder}}/parts/p-{{args.id}}.json"}
    record = {"path_schema": _schema("folder", "id", folder=TEXT, id=TEXT)}
    return {
        "items": ({"singular": "item", "tags": ["content"]}, _standard()),
        "things": ({"singular": "thing", "tags": ["content"]}, _custom()),
        "parts": ({"singular": "part", "tags": ["content"]}, {"get": (folder, record)}),
        "pages": ({"tags": ["content"]}, _listing("/pages", kind="page", page_param="page")),
        "links": ({"tags": ["content"]}, _listing("/links", kind="link_header")),
        "nexts": ({"tags": ["content"]}, _listing("/nexts", kind="next_url", next_path="next")),
    }


LIST = "list_all_lab_items"
GET = "get_single_lab_item_by_id"
CREATE = "create_a_lab_item"
DELETE = "delete_a_lab_item_by_id"
PART = "get_single_lab_part_by_id"


def thing(method: str) -> str:
    """The tool of a custom method."""
    return f"lab_thing_{method}"
