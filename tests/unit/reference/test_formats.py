"""The smaller forms: catalog in CSV, registry entry, index for models, and the folder of a site."""

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mcpassport.records.tool import Tool
from mcpassport.reference.compose import compose
from mcpassport.reference.document import ToolNode
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import FORMATS
from mcpassport.reference.renderers.registry import SCHEMA
from mcpassport.reference.renderers.sheet import COLUMNS
from mcpassport.reference.site import write_site
from mcpassport.reference.vendor import Vendor

NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
URL = re.compile(r"(https?://[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)")
INPUT = {"description", "isRequired", "isSecret", "value", "variables", "name"}


def _sheet(inputs: Inputs) -> list[dict[str, str]]:
    text = FORMATS["csv"].render(compose(inputs)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _entry(inputs: Inputs) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FORMATS["server.json"].render(compose(inputs)))
    return found


def test_the_sheet_has_a_row_per_tool(make_inputs: Callable[..., Inputs]) -> None:
    """The same tools as the document, with digests, endpoint, scopes and cost."""
    document = compose(make_inputs())
    tools = [n for s in document.sections for n in s.nodes if isinstance(n, ToolNode)]
    rows = _sheet(make_inputs())
    assert tuple(rows[0]) == COLUMNS
    assert [row["name"] for row in rows] == [tool.name for tool in tools]
    assert [row["visible"] for row in rows] == [tool.visible for tool in tools]
    listed = next(row for row in rows if row["name"] == "list_all_crm_contacts")
    assert (listed["http"], listed["path"]) == ("GET", "/contacts")
    assert (listed["required"], listed["optional"]) == ("kind", "limit")
    assert (listed["oauth_scopes"], listed["mapped_by_expression"]) == ("contacts.list", "response")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=cmd|"/C x"!A0', "a\r\n=1"])
def test_no_cell_is_a_formula(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool], text: str
) -> None:
    """What a spreadsheet would compute is text, and stays in its cell."""
    (row,) = _sheet(make_inputs((make_tool(description=text),)))
    assert len(row) == len(COLUMNS)
    assert not row["description"].startswith(("=", "+", "-", "@"))
    assert text.replace("\r", "⟨U+000D⟩") in row["description"]


@pytest.mark.parametrize(
    "address",
    ["https://mcp.acme.example", "http://127.0.0.1:8080", "https://[2001:db8::1]/base"],
)
@pytest.mark.parametrize("label", ["Acme CRM", "x" * 300, "مرحبا\u202e"])
def test_the_registry_entry_has_its_form(
    make_inputs: Callable[..., Inputs], address: str, label: str
) -> None:
    """Name, lengths, addresses and variables are as the format of 2025-12-11 asks."""
    inputs = make_inputs(facts=Facts(public_url=address))
    document = compose(inputs)
    changed = type(document)(
        **{f: getattr(document, f) for f in document.__struct_fields__}
        | {"integration_label": label}
    )
    entry = json.loads(FORMATS["server.json"].render(changed))
    assert entry["$schema"] == SCHEMA
    assert NAME.fullmatch(entry["name"])
    assert 3 <= len(entry["name"]) <= 200
    for member in ("title", "description"):
        assert 1 <= len(entry[member]) <= 100
        assert "\u202e" not in entry[member]
    assert re.match(r"\d+\.\d+\.\d+", entry["version"])
    for remote in entry["remotes"]:
        assert remote["type"] == "streamable-http"
        assert URL.fullmatch(remote["url"])
        assert set(re.findall(r"\{(\w+)\}", remote["url"])) == set(remote["variables"])
        for given in [*remote["variables"].values(), *remote["headers"]]:
            assert set(given) <= INPUT
            named = set(re.findall(r"\{(\w+)\}", given.get("value", "")))
            assert named == set(given.get("variables", {}))


def test_the_registry_entry_names_the_document(make_inputs: Callable[..., Inputs]) -> None:
    """Where the vendor has it, and the digest of what it describes."""
    vendor = Vendor(canonical_url="https://acme.example/agents")
    entry = _entry(make_inputs(vendor=vendor))
    assert entry["name"] == "example.acme.mcp/crm"
    assert entry["websiteUrl"] == "https://acme.example/agents"
    ours = entry["_meta"]["io.modelcontextprotocol.registry/publisher-provided"]
    assert ours["catalogDigest"] == "03" * 32
    assert len(json.dumps(ours)) <= 4096


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if tag == "a" and name == "href"]


def test_a_site_is_whole_and_needs_nobody(
    make_inputs: Callable[..., Inputs], tmp_path: Path
) -> None:
    """Every link of the index leads to a file of the folder; twice the same bytes."""
    document = compose(make_inputs())
    first = write_site([document], tmp_path / "a")
    second = write_site([document], tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    links = _Links()
    links.feed((tmp_path / "a" / "index.html").read_text())
    assert "crm/index.html" in links.found
    assert all((tmp_path / "a" / link).is_file() for link in links.found)
    for folder in (tmp_path / "a", tmp_path / "a" / "crm"):
        text = (folder / "llms.txt").read_text()
        targets = re.findall(r"\]\(([^)#]+)", text)
        assert targets
        assert all((folder / target).is_file() for target in targets)


def test_labels_cannot_leave_their_line(make_inputs: Callable[..., Inputs], tmp_path: Path) -> None:
    """In the index for models a label is text: no link, no line of its own."""
    vendor = Vendor(name="[x](https://evil.example)")
    write_site([compose(make_inputs(vendor=vendor))], tmp_path)
    assert "](https://evil" not in (tmp_path / "llms.txt").read_text()
