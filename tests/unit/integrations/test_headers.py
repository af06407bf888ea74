"""Headers that an integration may set, and those that belong to the connection."""

from typing import Any

import pytest

from mcpassport.integrations.load import load_content
from mcpassport.limits import FRAMING_HEADERS


def content(**config: Any) -> dict[str, Any]:
    """A small integration with that config."""
    return {
        "config": {
            "format": 1,
            "name": "one",
            "label": "One",
            "base_url": "https://api.example.test",
            "credentials": [{"kind": "bearer"}],
            "authorization": {"kind": "bearer"},
            "resources": {"notes": {"methods": {"get": {"http": "GET", "path": "/x"}}}},
            **config,
        },
        "documentation": [],
    }


@pytest.mark.parametrize("name", sorted(FRAMING_HEADERS))
def test_a_header_of_the_connection_is_refused_where_it_is_written(name: str) -> None:
    """What the HTTP client would drop or refuse at every call is a finding at the load."""
    value = "{{credentials.token}}"
    for config in (
        {"headers": {name.title(): "x"}},
        {"authorization": {"kind": "header", "name": name.title(), "value": value}},
    ):
        loaded = load_content(content(**config))
        assert loaded.integration is None
        assert any("set by the connection itself" in found.message for found in loaded.findings)
    assert load_content(content(headers={"X-Fine": "x"})).integration is not None
