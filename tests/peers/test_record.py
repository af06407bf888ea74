"""The page on clients is made of a record, which must be about what is pinned now."""

import pytest
from tests.peers.clients import CLIENTS
from tests.peers.conformance import SUITES
from tests.peers.record import CLIENTS_FOUND, CONFORMANCE, RENEW, read


@pytest.mark.parametrize("name", CLIENTS)
def test_the_recorded_client_is_the_pinned_one(name: str) -> None:
    """Name, version and mode of each row are those of the table that the tests run."""
    client, found = CLIENTS[name], read(CLIENTS_FOUND)[name]
    told = (found["client"], found["package"], found["version"], found["mode"])
    assert told == (client.label, client.package, client.pinned(), client.mode), RENEW


@pytest.mark.parametrize("name", SUITES)
def test_the_recorded_suite_is_the_pinned_one(name: str) -> None:
    """The version is pinned, and what is not offered is the baseline with its reasons."""
    suite, found = SUITES[name], read(CONFORMANCE)[name]
    assert found["version"] == suite.version(), RENEW
    assert found["not_offered"] == dict(suite.entries()), RENEW
    assert not set(found["passed"]) & set(found["not_offered"])


def test_nothing_else_is_recorded() -> None:
    """A client or suite that is gone from the tables is gone from the page."""
    assert list(read(CLIENTS_FOUND)) == list(CLIENTS)
    assert list(read(CONFORMANCE)) == list(SUITES)
