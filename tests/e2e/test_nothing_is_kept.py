"""After real calls, no token, credential, argument or result lies in any file."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from tests.e2e.conftest import Live
from tests.support.scan import scan

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live")]


def call(url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """One tools/call as plain HTTP."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        result: dict[str, Any] = json.load(response)["result"]
        return result


def places(live: Live) -> list[Any]:
    """Everything that the server process writes: data folder and its standard output."""
    return [live.folder / "home" / "data", live.folder / "serve.log"]


def test_the_scan_finds_what_is_planted(live: Live) -> None:
    """Control: a canary in a file beside the data is found, encoded too."""
    planted = f"planted-{uuid.uuid4()}"
    file = live.folder / "home" / "data" / "planted.txt"
    file.write_text(f"x{planted.encode().hex()}x")
    try:
        assert scan(places(live), [planted]) == {planted: {"planted.txt"}}
    finally:
        file.unlink()


def test_no_token_credential_argument_or_result_is_kept(live: Live) -> None:
    """Canaries in arguments, results and errors, all tokens and the credential: none is found."""
    server = live.server("canaries")
    argument, refused, unknown = (f"canary-{kind}-{uuid.uuid4()}" for kind in ("a", "r", "u"))
    ticket = {
        "subject": argument,
        "status": "open",
        "priority": "low",
        "contact_id": "contact-0001",
    }
    created = call(server["url"], "create_a_crm_ticket", ticket)
    result = json.loads(created["content"][0]["text"])["id"]
    assert not created.get("isError")
    assert call(server["url"], "create_a_crm_ticket", {"subject": refused, "x": 1})["isError"]
    assert call(server["url"], "get_single_crm_ticket_by_id", {"id": unknown})["isError"]
    with pytest.raises(urllib.error.HTTPError):
        call(f"{live.url}/mcp/mcpp_srv_{'0' * 43}_000000", "x", {})
    canaries = {argument, refused, unknown, result}
    assert argument in json.dumps(live.kinto_records("tickets")), "the canary did travel"
    assert scan(places(live), canaries | live.secrets) == {}


def test_the_audit_trail_has_a_row_for_each_call_and_no_payload(live: Live) -> None:
    """N calls leave N intents and N outcomes, read back through the API and the command line."""
    server = live.server("counted")
    subject = f"canary-{uuid.uuid4()}"
    for _ in range(5):
        call(server["url"], "list_all_crm_tickets", {"limit": 1})
    call(server["url"], "create_a_crm_ticket", {"subject": subject, "x": 1})
    rows = live.api("GET", "/audit", tenant="acme", limit=200)["result"]
    mine = [row for row in rows if row.get("server") == server["id"]]
    phases = [row["phase"] for row in mine]
    assert phases.count("intent") == phases.count("outcome") == 5
    assert phases.count("refusal") == 1
    command = [
        *(sys.executable, "-m", "mcpassport", "audit", "list", "--tenant", "acme"),
        *("--config", str(live.config), "--json", "--limit", "5"),
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(json.loads(printed)) == 5
    assert subject not in printed
