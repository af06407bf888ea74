"""Requests that fit the routes of the management API, as its own description tells them."""

import dataclasses
from dataclasses import replace
from typing import Any, cast

import pytest

from mcpassport.edge.api import management_app
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.routes import OF_A_TENANT, Route, described, requests_for

THEIRS = {name: f"their-{name}" for name in OF_A_TENANT}
OURS = {name: f"our-{name}" for name in OF_A_TENANT}
ROUTES = described(management_app(cast(Any, None), cast(Any, None)).openapi())
SERVER = Route("GET", "/x/{account_id}/y/{server_id}", ("account_id", "server_id"), (), (), "")


def test_every_route_of_the_api_is_known() -> None:
    """Each gives at least one request, with every parameter of its path and query filled in."""
    assert len(ROUTES) > 30
    for route in ROUTES:
        requests = list(requests_for(route, THEIRS, OURS))
        assert requests
        assert not [request.path for request in requests if "{" in request.path]


def test_ids_are_mixed() -> None:
    """Each mixture that holds one of theirs comes, and all of them reach for something."""
    requests = list(requests_for(SERVER, THEIRS, OURS))
    assert [request.path for request in requests] == [
        "/x/their-account_id/y/their-server_id",
        "/x/their-account_id/y/our-server_id",
        "/x/our-account_id/y/their-server_id",
    ]
    assert all(request.reaches for request in requests)
    public = [*requests_for(dataclasses.replace(SERVER, public=True), THEIRS)]
    assert public
    assert not any(request.reaches for request in public), "what anybody may ask reaches nothing"


def test_a_tenant_is_named_in_query_and_body() -> None:
    """Both reach for something; a filter over one's own rows does not."""
    trail = Route("GET", "/trail", (), ("tenant", "server", "limit"), (), "")
    made = Route("POST", "/token", (), (), (), "TokenIn")
    found = [(each.path, each.reaches) for each in requests_for(trail, THEIRS)]
    assert found == [
        ("/trail", False),
        ("/trail?tenant=their-tenant_id", True),
        ("/trail?server=their-server_id", False),
    ]
    [request] = requests_for(made, THEIRS)
    assert (request.body["tenant"], request.reaches) == ("their-tenant_id", True)


def test_a_required_parameter_is_always_there() -> None:
    """What the route demands in its query, whatever else it takes."""
    [request] = requests_for(Route("GET", "/d/{name}", ("name",), ("a", "b"), ("a", "b"), ""), OURS)
    assert request.path == "/d/evidenceprobe?a=1&b=1"


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/x/{case_id}", "in_path": ("case_id",)},
        {"in_query": ("colour",)},
        {"body": "CaseIn"},
    ],
)
def test_what_no_check_knows_ends_the_check(change: dict[str, Any]) -> None:
    """A new parameter or body cannot stay untried by silence."""
    with pytest.raises(CheckFailed, match="no check knows"):
        list(requests_for(replace(SERVER, **change), THEIRS, OURS))
