"""What callers take, by `Accept`."""

import pytest

from mcpassport.protocol.accept import takes_events


@pytest.mark.parametrize(
    ("accept", "takes"),
    [
        ("application/json, text/event-stream", True),
        ("application/json, Text/Event-Stream;q=0.5", True),
        ("text/event-stream", True),
        ("application/json, text/event-stream;q=0", False),
        ("application/json", False),
        ("*/*", False),
        ("text/*, application/json", False),
        ("application/json, x-text/event-stream-not", False),
        (None, False),
    ],
)
def test_only_who_names_events_gets_them(accept: str | None, takes: bool) -> None:
    """A wildcard is what plain HTTP clients send, and they read no events."""
    assert takes_events({} if accept is None else {"accept": accept}) is takes
