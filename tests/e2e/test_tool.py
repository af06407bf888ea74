"""`mcpassport tool` against a running deployment: as an agent by URL, and by ids as admin."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Live

LIST = "list_all_crm_contacts"


def run(*arguments: str, **environment: str) -> tuple[int, Any]:
    """One command with --json: exit code and document."""
    command = [sys.executable, "-m", "mcpassport", "tool", *arguments, "--json"]
    given = {"PATH": "/usr/bin:/bin", **environment}
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env=given)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_tool_is_listed_and_called_as_an_agent(live: Live) -> None:
    """By URL and second factor; the answer is the JSON-RPC that an agent gets."""
    server = live.server("agent's tool", methods=["read"], require_api_token_auth=True)
    secrets = {"U": server["url"], "A": live.factor()}
    named = ("--mcp-url-env", "U", "--api-token-env", "A")
    code, tools = run("list", *named, **secrets)
    assert code == 0
    assert LIST in {tool["name"] for tool in tools}
    code, document = run("call", LIST, "--args", '{"limit": 2}', *named, **secrets)
    assert code == 0
    assert len(document["answer"]["result"]["structuredContent"]["result"]) == 2
    code, document = run("call", "create_a_crm_ticket", *named, **secrets)
    assert (code, document["answer"]["error"]["data"]["type"]) == (1, "unknown_tool")


def test_a_tool_is_called_by_ids_over_the_management_api(live: Live, tmp_path: Path) -> None:
    """The admin's call reaches the upstream, and stands in the tenant's audit with his name."""
    server = live.server("admin's tool", methods=["read"])
    token = tmp_path / "token"
    token.write_text(live.admin_token)
    named = ("--account", live.account, "--server", server["id"])
    where = ("--url", live.url, "--token-file", str(token))
    code, document = run("call", LIST, "--args", '{"limit": 2}', *named, *where)
    assert (code, document["outcome"]) == (0, "ok")
    rows = live.api("GET", "/audit", tenant="acme", request_id=document["request_id"])["result"]
    assert {row["phase"] for row in rows} == {"intent", "outcome"}
    assert all(row["principal"].startswith("tok_") for row in rows)
    code, document = run("why-not", "create_a_crm_ticket", *named, *where)
    assert (code, document["reasons"][0]["kind"]) == (1, "methods")
