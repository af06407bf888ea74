"""Recorded examples: what is compared, what passes, and where a difference is found."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from mcpassport.catalog.build import build
from mcpassport.integrations.compared import difference
from mcpassport.integrations.examples import run_examples
from mcpassport.integrations.lint import check, with_examples
from mcpassport.integrations.load import load_folder
from mcpassport.records.findings import Finding

WriteFolder: TypeAlias = Callable[[Mapping[str, str]], Path]
CONFIG: dict[str, Any] = {
    "format": 1,
    "name": "shop",
    "label": "Shop",
    "base_url": "https://{{context.region}}.shop.example/v1",
    "allowed_hosts": ["*.shop.example"],
    "headers": {"X-Locale": "{{context.locale|en}}"},
    "credentials": [{"kind": "api_key"}],
    "authorization": {"kind": "query", "name": "key"},
    "resources": {
        "orders": {
            "methods": {
                "list": {
                    "http": "GET",
                    "path": "/orders",
                    "response_path": "data",
                    "pagination": {"kind": "page", "page_param": "page", "limit_param": "n"},
                },
                "create": {"http": "POST", "path": "/orders", "errors": "body.problem"},
                "send": {"http": "POST", "path": "/orders/send", "body_format": "form"},
                "file": {"http": "POST", "path": "/orders/file", "body_format": "multipart"},
                "note": {"http": "PUT", "path": "/orders/note", "body_format": "raw"},
                "label": {
                    "http": "GET",
                    "path": "/orders/label",
                    "content": [
                        {"type": "text", "value": "body.said"},
                        {"type": "image", "value": "body.png", "mime_type": "image/png"},
                    ],
                },
                "watch": {"http": "GET", "path": "/orders/watch", "stream": "ndjson"},
            }
        }
    },
}
BODIES: dict[str, Any] = {
    "create": {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}},
    },
    "send": {"type": "object", "properties": {"to": {"type": "array"}, "how": {"type": "string"}}},
    "file": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "scan": {
                "type": "string",
                "contentEncoding": "base64",
                "contentMediaType": "image/png",
            },
        },
    },
    "note": {"type": "string", "contentMediaType": "text/markdown"},
}
CONTEXT = {"region": "eu"}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """The findings of one example of the shop."""

    async def of(method: str, **example: Any) -> list[Finding]:
        entry = {"resource": "orders", "method": method, "context": CONTEXT, **example}
        folder = write(tmp_path, [entry])
        loaded = load_folder(folder)
        assert loaded.integration is not None, loaded.findings
        return list(await run_examples(loaded, build(loaded.integration)))

    return of


def write(folder: Path, examples: list[Any]) -> Path:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "examples").mkdir(exist_ok=True)
    (folder / "integration.yaml").write_text(yaml.safe_dump(CONFIG))
    records = [
        {
            "resource": "orders",
            "method": method,
            "description": f"Does {method} with the orders of the shop.",
            **({"body_schema": BODIES[method]} if method in BODIES else {}),
        }
        for method in CONFIG["resources"]["orders"]["methods"]
    ]
    (folder / "docs" / "orders.yaml").write_text(yaml.safe_dump(records))
    (folder / "examples" / "orders.yaml").write_text(yaml.safe_dump(examples, sort_keys=False))
    return folder


GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "a request of a list": (
        "list",
        {
            "arguments": {"limit": 2},
            "request": {
                "http": "GET",
                "url": "https://eu.shop.example/v1/orders?page=1&n=2",
                "headers": {"x-locale": "en", "Content-Type": None, "Authorization": None},
            },
        },
    ),
    "the page after it": (
        "list",
        {
            "arguments": {"limit": 2, "next_cursor": "2"},
            "request": {"url": "https://eu.shop.example/v1/orders?n=2&page=2"},
            "answer": {"body": {"data": [{"id": 1}, {"id": 2}]}},
            "response": {"result": [{"id": 1}, {"id": 2}], "next_cursor": "3"},
        },
    ),
    "JSON": ("create", {"arguments": {"sku": "a"}, "request": {"body": {"sku": "a"}}}),
    "a result": ("create", {"answer": {"status": 201, "body": {"id": 7}}, "response": {"id": 7}}),
    "an answer without a body": ("create", {"answer": {"status": 204}, "response": None}),
    "an error by status": (
        "create",
        {
            "answer": {"status": 429, "headers": {"Retry-After": "7"}},
            "error": "rate_limited",
        },
    ),
    "an error in a 200": (
        "create",
        {"answer": {"body": {"problem": "sold out"}}, "error": "upstream_reported_error"},
    ),
    "a page that is no JSON": (
        "list",
        {
            "answer": {"headers": {"content-type": "text/html"}, "body": "<p>"},
            "error": "malformed_upstream_response",
        },
    ),
    "a form": (
        "send",
        {
            "arguments": {"to": ["a", "b"], "how": "x&y"},
            "request": {"body": {"to": ["a", "b"], "how": "x&y"}},
        },
    ),
    "parts": (
        "file",
        {
            "arguments": {"name": "é", "scan": "AAEC"},
            "request": {
                "body": [
                    {"name": "name", "text": "é"},
                    {
                        "name": "scan",
                        "filename": "scan",
                        "content_type": "image/png",
                        "data": "AAEC",
                    },
                ]
            },
        },
    ),
    "a text": ("note", {"arguments": {"body": "# é"}, "request": {"body": "# é"}}),
    "blocks": (
        "label",
        {
            "answer": {"body": {"said": "Order", "png": "AAEC"}},
            "content": [
                {"type": "text", "text": "Order"},
                {"type": "image", "mime_type": "image/png", "data": "AAEC"},
            ],
        },
    ),
    "a stream": (
        "watch",
        {
            "answer": {
                "headers": {"Content-Type": "application/x-ndjson"},
                "body": '{"n":1}\n{"n":2}\n',
            },
            "content": [],
            "response": {"n": 2},
        },
    ),
}


@pytest.mark.parametrize("name", GOOD)
async def test_what_was_recorded_passes(run: Callable[..., Any], name: str) -> None:
    """Requests, results, blocks and errors of every kind."""
    method, example = GOOD[name]
    assert await run(method, **example) == []


@pytest.mark.parametrize(
    ("method", "example", "line", "said"),
    [
        ("list", {"request": {"http": "POST"}}, "http", "the request is GET, not POST"),
        ("list", {"request": {"url": "https://eu.shop.example/v1/orders"}}, "url", "page=1"),
        ("list", {"request": {"headers": {"X-Locale": "de"}}}, "X-Locale", "is 'en', not 'de'"),
        ("list", {"request": {"headers": {"X-Locale": None}}}, "X-Locale", "not absent"),
        ("create", {"arguments": {"sku": "a"}, "request": {"body": {"sku": "b"}}}, "sku: b", '"a"'),
        (
            "create",
            {"arguments": {"n": 1}, "request": {"body": {"n": True}}},
            "n: true",
            "not true",
        ),
        ("create", {"request": {"body": {"sku": "a"}}}, "sku: a", "lacks 'sku'"),
        ("create", {"arguments": {"sku": "a"}, "request": {"body": {}}}, "body", "has 'sku'"),
        ("create", {"arguments": {"n": "x"}, "request": {}}, "arguments", "are refused"),
        ("create", {"answer": {"status": 500}, "response": {}}, "answer", "upstream_failed"),
        ("create", {"answer": {"status": 500}, "error": "upstream_rejected"}, "error", "_failed"),
        ("create", {"answer": {"body": 1}, "error": "upstream_failed"}, "error", "is no error"),
        ("create", {"answer": {"body": [1, 2]}, "response": [1]}, "response", "2 entries, not 1"),
        ("create", {"answer": {"body": [1, 2]}, "response": [1, 3]}, "- 3", "is 2, not 3"),
        (
            "label",
            {"answer": {"body": {"said": "x"}}, "content": []},
            "content",
            "1 entries, not 0",
        ),
        ("list", {"arguments": {"next_cursor": "no"}, "request": {}}, "arguments", "no cursor"),
        ("list", {"context": {}, "request": {}}, "context", "no request is made"),
    ],
)
async def test_a_difference_is_found_at_its_line(
    run: Callable[..., Any], tmp_path: Path, method: str, example: Any, line: str, said: str
) -> None:
    """The finding leads to what was expected, says what came instead, and how to mend it."""
    (finding,) = await run(method, **example)
    assert (finding.severity, finding.rule) == ("error", "example_failed")
    assert said in finding.message
    file, _, number = finding.where.rpartition(":")
    written = (tmp_path / file).read_text().splitlines()[int(number) - 1]
    assert line in written or line == "context"
    assert finding.mend


async def test_a_failing_example_counts_like_a_method_that_was_dropped(tmp_path: Path) -> None:
    """Ten points, first among the findings, and the report has failed."""
    entry = {"resource": "orders", "method": "list", "context": CONTEXT, "request": {"http": "PUT"}}
    loaded = load_folder(write(tmp_path, [entry]))
    report = check(loaded)
    assert report.catalog is not None
    judged = with_examples(report, await run_examples(loaded, report.catalog))
    assert judged.failed
    assert judged.findings[0].rule == "example_failed"
    assert judged.score == max(0, report.score - 10)


@pytest.mark.parametrize(
    "example",
    [
        {"answer": {"body": 1}},
        {"error": "upstream_failed"},
        {"request": {"method": "GET"}},
        {"answer": {"status": 99}, "response": 1},
        {"answer": {"status": 200, "text": "x"}, "response": 1},
    ],
)
def test_an_example_that_says_too_little_is_a_format_error(tmp_path: Path, example: Any) -> None:
    """An answer nobody compares, an error of no answer, an unknown key."""
    loaded = load_folder(write(tmp_path, [{"resource": "orders", "method": "list", **example}]))
    assert loaded.integration is None


@pytest.mark.parametrize(
    ("expected", "found", "path"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ("a", 1, "b")),
        (1, 1.0, None),
        (0, False, ()),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ([], {}, ()),
        (None, 0, ()),
        ("x" * 500, "y", ()),
    ],
)
def test_values_are_compared_as_json(expected: Any, found: Any, path: Any) -> None:
    """The order of members does not count, types do, and what is shown is short."""
    differs = difference(expected, found)
    assert (None if differs is None else differs.path) == path
    assert differs is None or len(differs.said) < 500
    json.dumps(found)
