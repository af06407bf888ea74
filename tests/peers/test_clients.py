"""Real clients, unmodified and each in an environment of its own: what every one of them must do.

The journey is taken once per client; each test looks at one stretch of it.
"""

from typing import Any

import pytest
from tests.peers.clients import CLIENTS, Client
from tests.peers.house import House
from tests.peers.observe import PAGES, Journey, facts, lives_on, refusal, travel, where_told
from tests.peers.record import CLIENTS_FOUND, RENEW, read
from tests.support.items import GET, LIST

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EVERY_CLIENT = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"peer-{name}")) for name in CLIENTS
]


@pytest.fixture(scope="module", params=EVERY_CLIENT)
def name(request: pytest.FixtureRequest) -> str:
    """Each client in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def client(name: str) -> Client:
    return CLIENTS[name]


@pytest.fixture(scope="module")
def journey(home: House, client: Client) -> Journey:
    """What it met at a server as it is by default."""
    return travel(home, client)


@pytest.fixture(scope="module")
def seen(home: House, client: Client, journey: Journey) -> dict[str, Any]:
    """What the table says of it, from this run."""
    return facts(home, client, journey)


def test_the_pinned_version_ran(client: Client, journey: Journey) -> None:
    """What the client says of itself is what the lock names."""
    assert journey.version == client.pinned()


def test_it_lists_every_tool(home: House, journey: Journey) -> None:
    """The tools are those of the catalog, each with its input schema."""
    tools = journey.answers["list"]["tools"]
    counted = home.api("GET", f"/integrated-account/{home.accounts['lab']}/tools")
    assert len(tools) == len(counted["result"])
    assert {GET, LIST} <= {tool["name"] for tool in tools}
    assert all(tool["inputSchema"]["type"] == "object" for tool in tools)


def test_a_call_is_answered_as_text_and_structured(journey: Journey) -> None:
    """The same answer in both forms."""
    answer = journey.answers["call"]
    assert not answer["error"], answer
    assert answer["structured"] == {"id": "1", "text": "one"}
    assert answer["text"] == '{"id": "1", "text": "one"}'


def test_pages_have_no_gap_and_no_repeat(journey: Journey) -> None:
    """Cursors are carried back unchanged: five records in pages of two."""
    read = journey.answers["pages"]
    assert [record["id"] for record in read["records"]] == ["1", "2", "3", "4", "5"]
    assert read["pages"] == PAGES


def test_wrong_arguments_are_told_to_the_model(journey: Journey) -> None:
    """A result, no exception, names both mistakes."""
    answer = journey.answers["arguments"]
    assert answer["error"]
    assert "raised" not in answer
    assert "/text" in answer["text"]
    assert "/kind" in answer["text"]


def test_a_rate_limit_is_told_with_its_wait_and_the_session_lives_on(journey: Journey) -> None:
    """On whichever channel, the caller reads when to come back; nobody retries by itself."""
    answer = journey.answers["limited"]
    assert answer["error"]
    assert "rate limit is reached" in answer["text"]
    assert where_told(answer) == "text"
    assert journey.sent["limited"] == 1
    assert lives_on(journey)


def test_an_upstream_failure_is_told_and_the_session_lives_on(journey: Journey) -> None:
    """A 500 of the upstream is a result that says so; nobody retries by itself."""
    answer = journey.answers["broken"]
    assert answer["error"]
    assert "raised" not in answer
    assert "status 500" in answer["text"]
    assert journey.sent["broken"] == 1
    assert not journey.answers["after_broken"]["error"]


def test_a_revoked_address_stops_the_session_and_opens_none(journey: Journey) -> None:
    """The next call in an open session fails, and so does a new session."""
    assert not journey.answers["revoke"]["error"]
    assert journey.answers["revoked"]["error"]
    assert journey.refused is None, "the client itself did not break"
    assert refusal(journey.again)


def test_a_picture_arrives_as_one(seen: dict[str, Any]) -> None:
    """An image block is handed on by every client; sounds and resources as the table says."""
    assert seen["image"] == "image"


def test_what_happens_is_what_the_table_says(name: str, seen: dict[str, Any]) -> None:
    """The recorded facts, of which the page on clients is made, are those of this run."""
    assert seen == read(CLIENTS_FOUND)[name], RENEW
