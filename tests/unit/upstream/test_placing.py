"""Where an argument goes when a template, an `id_param` or an open schema is in play."""

from typing import Any

from tests.support.upstreams import World, make_tool, response

from mcpassport.records.tool import EVERY_OTHER, Route


async def sent(tool: Any, **arguments: Any) -> Any:
    world = World(response({}))
    outcome = await world.call(tool, None, **arguments)
    assert outcome.error is None
    return world.http.request


async def test_what_a_body_template_places_is_not_sent_twice() -> None:
    """A body template that wraps the arguments is the whole body."""
    tool = make_tool(
        ("subject", "body"),
        ("status", "body"),
        http="POST",
        body={"data": {"subject": "{{args.subject}}", "status": "{{args.status}}"}},
    )
    request = await sent(tool, subject="S")
    assert request.body == b'{"data":{"subject":"S"}}'


async def test_what_no_template_places_goes_by_its_route() -> None:
    """A template of the body says nothing about the arguments it does not name."""
    tool = make_tool(
        ("subject", "body"), ("note", "body"), http="POST", body={"title": "{{args.subject}}"}
    )
    request = await sent(tool, subject="S", note="N")
    assert request.body == b'{"title":"S","note":"N"}'


async def test_what_a_query_template_places_is_not_sent_twice() -> None:
    """An argument renamed by a query template travels under the new name only."""
    tool = make_tool(("search", "query"), query={"q": "{{args.search}}"})
    request = await sent(tool, search="x")
    assert request.url.endswith("/notes?q=x")


async def test_an_argument_named_by_id_param_fills_the_path() -> None:
    """`id_param` renames the property; the path keeps `{{args.id}}`."""
    tool = make_tool(Route("number", "path", "id"), path="/notes/{{args.id}}", id_param="number")
    request = await sent(tool, number="n 1")
    assert request.url.endswith("/notes/n%201")


async def test_undeclared_arguments_go_where_the_open_schema_belongs() -> None:
    """A single-part schema that admits further arguments has them sent in its part."""
    tool = make_tool(("q", "query"), Route(EVERY_OTHER, "query", EVERY_OTHER))
    request = await sent(tool, q="x", extra="y")
    assert request.url.endswith("/notes?q=x&extra=y")


async def test_the_body_of_a_request_expression_replaces_the_body() -> None:
    """Members that the expression leaves out are not sent."""
    tool = make_tool(
        ("title", "body"), http="POST", request='{"body": {"data": {"name": args.title}}}'
    )
    request = await sent(tool, title="T")
    assert request.body == b'{"data":{"name":"T"}}'
