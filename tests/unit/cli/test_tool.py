"""`mcpassport tool` on a data folder: what a server offers, why not, and a call by its ids."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Shell

GET = "get_single_notes_note_by_id"
CREATE = "create_a_notes_note"


@pytest.fixture
def named(shell: Shell, account: str) -> list[str]:
    """The options that name a reading server."""
    server = shell.json("server", "create", account, "--name", "agent", "--method", "read")
    return ["--account", account, "--server", server["id"]]


def test_the_tools_of_a_server_are_listed(shell: Shell, named: list[str]) -> None:
    """As a table that says how many are hidden, and as the API's document."""
    table = shell.ok("tool", "list", *named)
    assert GET in table
    assert CREATE not in table
    assert "hidden" in table
    document = shell.json("tool", "list", *named)
    assert GET in [tool["name"] for tool in document["result"]]


def test_an_offered_tool_has_no_why_not(shell: Shell, named: list[str]) -> None:
    """Exit code 0."""
    assert "is offered" in shell.ok("tool", "why-not", "notes.get", *named)


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        (CREATE, "methods", "admits methods read"),
        ("creat_a_notes_note", "unknown", CREATE),
    ],
)
def test_a_hidden_tool_is_explained(
    shell: Shell, named: list[str], asked: str, kind: str, says: str
) -> None:
    """Exit code 1, the reason and its mend; as JSON for scripts."""
    ran = shell("tool", "why-not", asked, *named)
    assert ran.code == 1
    assert kind in ran.out
    assert says in ran.out
    assert "mend:" in ran.out
    document = json.loads(shell("tool", "why-not", asked, *named, "--json").out)
    assert [reason["kind"] for reason in document["reasons"]] == [kind]


def test_a_call_that_fails_is_told_and_audited(
    shell: Shell, named: list[str], tmp_path: Path
) -> None:
    """Exit code 1 with the envelope; the event names the OS user before the call's own rows."""
    file = tmp_path / "args.json"
    file.write_text('{"id": 5}')
    ran = shell("tool", "call", GET, "--args-file", file, *named)
    assert ran.code == 1
    assert "invalid_arguments" in ran.out
    ran = shell("tool", "call", CREATE, "--args", '{"title": "x"}', *named)
    assert ran.code == 1
    assert "why-not" in ran.out
    document = json.loads(shell("tool", "call", CREATE, "--json", *named).out)
    assert document["outcome"] == "unknown_tool"
    rows: list[dict[str, Any]] = shell.json("audit", "list", "--tenant", "acme")
    calls = [row for row in rows if row.get("action") == "server.call"]
    assert len(calls) == 3
    assert all(row["principal"].startswith("cli:") for row in calls)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list"], "Name the MCP server"),
        (["call", GET, "--account", "a"], "Name the MCP server"),
        (["call", GET, "--account", "a", "--server", "s", "--args", "[]"], "not a JSON object"),
        (["call", GET, "--account", "a", "--server", "s", "--args", "{"], "not a JSON object"),
        (
            ["call", GET, "--account", "a", "--server", "s", "--args", "{}", "--args-file", "x"],
            "not both",
        ),
        (["list", "--account", "a", "--server", "s", "--api-token-env", "A"], "--mcp-url-env"),
        (["list", "--mcp-url-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        (["why-not", GET, "--mcp-url-env", "U"], "An agent is not told why"),
    ],
)
def test_a_wrong_use_is_refused(shell: Shell, arguments: list[str], says: str) -> None:
    """Exit code 2, and how to mend it."""
    assert says in shell.refused(2, "tool", *arguments)


def test_a_server_is_named_once(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its ids, or by its URL as an agent."""
    monkeypatch.setenv("PLANTED", "http://127.0.0.1:1/mcp/mcpp_srv_planted")
    said = shell.refused(2, "tool", "list", "--mcp-url-env", "PLANTED", "--account", "a")
    assert "not by both" in said
    said = shell.refused(2, "tool", "list", "--mcp-url-env", "PLANTED")
    assert "no_answer" in said
    assert "planted" not in said
