"""Official SDK clients, unmodified, against a live deployment over a real Kinto."""

import json
import uuid
from typing import Any

import pytest
from tests.e2e.conftest import CONTACTS, Client, Live

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live")]

READING = ["get_single_crm_contact_by_id", "get_single_crm_ticket_by_id"]
LISTING = ["list_all_crm_contacts", "list_all_crm_tickets"]


def turned_away(answer: dict[str, Any]) -> bool:
    """The session did not open, or (a pinned client opens none) its first request was refused."""
    return answer["refused"] is not None or "raised" in answer["answers"][0]


def test_a_reading_server_lists_only_tools_that_read(live: Live, client: Client) -> None:
    """What the filter removes is not in the model's context."""
    server = live.server("reading", methods=["read"])
    (listed,) = client.session(server["url"], [{"op": "list"}])["answers"]
    assert sorted(tool["name"] for tool in listed["tools"]) == sorted(READING + LISTING)
    assert all(tool["annotations"]["readOnlyHint"] for tool in listed["tools"])


@pytest.mark.parametrize("limit", [3, 7, 50, 100])
def test_pages_have_no_gap_and_no_repeat(live: Live, client: Client, limit: int) -> None:
    """Following `next_cursor` to its end reads every record exactly once."""
    server = live.server("pages", methods=["list"])
    step = {"op": "read_all", "tool": "list_all_crm_contacts", "arguments": {"limit": limit}}
    (read,) = client.session(server["url"], [step])["answers"]
    ids = [record["id"] for record in read["records"]]
    assert len(ids) == len(set(ids)) == CONTACTS
    assert set(ids) == {record["id"] for record in live.kinto_records("contacts")}
    assert max(read["pages"]) <= limit


def test_an_agent_creates_and_updates_a_ticket(live: Live, client: Client) -> None:
    """What the tools say they wrote is what the upstream holds."""
    server = live.server("full", require_api_token_auth=True)
    headers = {"Authorization": f"Bearer {live.factor()}"}
    subject = f"Ticket {uuid.uuid4()}"
    live.secrets.add(subject)
    arguments = {
        "subject": subject,
        "status": "open",
        "priority": "high",
        "contact_id": "contact-0001",
    }
    create = {"op": "call", "tool": "create_a_crm_ticket", "arguments": arguments}
    (created,) = client.session(server["url"], [create], headers)["answers"]
    assert not created["error"], created["text"]
    ticket = json.loads(created["text"])
    change = {"id": ticket["id"], "status": "solved"}
    update = {"op": "call", "tool": "update_a_crm_ticket_by_id", "arguments": change}
    (updated,) = client.session(server["url"], [update], headers)["answers"]
    assert not updated["error"], updated["text"]
    held = next(each for each in live.kinto_records("tickets") if each["id"] == ticket["id"])
    assert (held["subject"], held["status"], held["priority"]) == (subject, "solved", "high")


def test_a_write_is_refused_on_the_reading_server(live: Live, client: Client) -> None:
    """A hidden tool called by name is refused, and nothing reaches the upstream."""
    server = live.server("reading", methods=["read"])
    before = len(live.kinto_records("tickets"))
    steps: list[dict[str, Any]] = [
        {"op": "call", "tool": "create_a_crm_ticket", "arguments": {"subject": "No"}},
        {"op": "list"},
    ]
    write, listed = client.session(server["url"], steps)["answers"]
    assert write["error"]
    assert "No tool of that name" in write["text"]
    assert len(listed["tools"]) == len(READING + LISTING), "the session lives on"
    assert len(live.kinto_records("tickets")) == before


def test_a_missing_or_foreign_second_factor_is_refused(live: Live, client: Client) -> None:
    """Without the API token, with a malformed one, or with the admin's, no session opens."""
    server = live.server("full", require_api_token_auth=True)
    for headers in (
        {},
        {"Authorization": "Bearer mcpp_api_nonsense"},
        {"X-Api-Token": live.admin_token},
    ):
        assert turned_away(client.session(server["url"], [{"op": "list"}], headers))


def test_wrong_arguments_are_told_to_the_model(live: Live, client: Client) -> None:
    """A validation error is an answer that the model can read and mend; nothing is sent."""
    server = live.server("full")
    steps = [
        {"op": "call", "tool": "create_a_crm_ticket", "arguments": {"subject": 5, "colour": "red"}},
        {"op": "call", "tool": "list_all_crm_tickets", "arguments": {"limit": 1}},
    ]
    wrong, right = client.session(server["url"], steps)["answers"]
    assert wrong["error"]
    assert "subject" in wrong["text"]
    assert "colour" in wrong["text"]
    assert wrong["meta"]["mcpassport/error"]["type"] == "invalid_arguments"
    assert not right["error"]


def test_a_revoked_url_stops_working(live: Live, client: Client) -> None:
    """After DELETE the next request is refused."""
    server = live.server("short", methods=["read"])
    assert not turned_away(client.session(server["url"], [{"op": "list"}]))
    live.api("DELETE", f"/integrated-account/{live.account}/mcp/{server['id']}")
    assert turned_away(client.session(server["url"], [{"op": "list"}]))


def test_the_token_in_a_header_serves_the_same_tools(live: Live, client: Client) -> None:
    """`/mcp/s/<id>` with a Bearer token lists what `/mcp/<token>` lists."""
    server = live.server("both", resources=["contacts"])
    headers = {"Authorization": f"Bearer {server['token']}"}
    (by_path,) = client.session(server["url"], [{"op": "list"}])["answers"]
    (by_header,) = client.session(server["header_url"], [{"op": "list"}], headers)["answers"]
    assert by_header == by_path
