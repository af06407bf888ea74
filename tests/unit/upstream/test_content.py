"""Answers that are more than JSON: blocks by media type, and blocks that an integration maps."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.upstreams import World, make_account, make_tool, response

from mcpassport.errors import (
    ExpressionFailed,
    MalformedUpstreamResponse,
    McpassportError,
    ResponseTooLarge,
    UpstreamReportedError,
)
from mcpassport.limits import Limits
from mcpassport.records.calls import Block, OutboundResponse, Outcome
from mcpassport.records.integration import ContentBlock
from mcpassport.upstream.content import BLOCKS_MAX, URI_MAX_CHARS
from mcpassport.upstream.media import is_media_type, media_type
from mcpassport.upstream.scopes import NOTE_INTEGERS

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
B64 = base64.b64encode(PNG).decode()


def typed(body: bytes, media: str) -> OutboundResponse:
    return response(body, headers=[("content-type", media)])


async def outcome_of(
    answer: OutboundResponse, *routes: Any, arguments: dict[str, Any] | None = None, **method: Any
) -> Outcome:
    return await World(answer).call(make_tool(*routes, **method), None, **(arguments or {}))


async def error_of(answer: OutboundResponse, **method: Any) -> McpassportError:
    outcome = await outcome_of(answer, **method)
    assert isinstance(outcome.error, McpassportError)
    assert (outcome.value, outcome.content) == (None, ())
    assert outcome.upstream_status == 200
    return outcome.error


TOOL = "mcpassport://tool"
AUTO: dict[str, tuple[bytes, str, Block]] = {
    "plain text": (b"a,1", "text/plain", Block(kind="text", text="a,1")),
    "HTML": (b"<p>\xc3\xa9</p>", "text/html", Block(kind="text", text="<p>é</p>")),
    "Latin-1": (b"\xe9", "text/csv; charset=iso-8859-1", Block(kind="text", text="é")),
    "XML": (b"<a/>", "application/xml", Block(kind="text", text="<a/>")),
    "Atom": (b"<a/>", "Application/Atom+XML", Block(kind="text", text="<a/>")),
    "YAML": (b"a: 1", "application/yaml", Block(kind="text", text="a: 1")),
    "picture": (PNG, "image/png", Block(kind="image", data=PNG, mime_type="image/png", uri=TOOL)),
    "picture with parameters": (
        PNG,
        'IMAGE/PNG; name="x\\"y"',
        Block(kind="image", data=PNG, mime_type="image/png", uri=TOOL),
    ),
    "drawing": (
        b"<svg/>",
        "image/svg+xml",
        Block(kind="image", data=b"<svg/>", mime_type="image/svg+xml", uri=TOOL),
    ),
    "sound": (PNG, "audio/wav", Block(kind="audio", data=PNG, mime_type="audio/wav", uri=TOOL)),
    "document": (
        PNG,
        "application/pdf",
        Block(kind="resource", data=PNG, mime_type="application/pdf", uri=TOOL),
    ),
    "film": (PNG, "video/mp4", Block(kind="resource", data=PNG, mime_type="video/mp4", uri=TOOL)),
}


@pytest.mark.parametrize("row", AUTO)
async def test_the_media_type_decides_the_block(row: str) -> None:
    """A text is text, a picture or sound its own kind, anything else an embedded resource."""
    body, media, block = AUTO[row]
    outcome = await outcome_of(typed(body, media))
    assert outcome.error is None
    assert outcome.content == (block,)
    assert outcome.value is None
    assert outcome.size == len(body) if block.data is not None else len((block.text or "").encode())


@pytest.mark.parametrize(
    "media",
    [
        "image",
        "image/",
        "/png",
        "image/png\x0b",
        "image/p ng",
        "image/png, text/html",
        "imäge/png",
        "image/" + "x" * 64,
        "application/pdf\u2028",
        "*/*",
    ],
)
async def test_what_is_no_media_type_never_travels(media: str) -> None:
    """A header that holds no type, or more than one, makes the answer malformed."""
    assert isinstance(await error_of(typed(PNG, media)), MalformedUpstreamResponse)


@given(st.text(max_size=80))
def test_a_media_type_that_passes_can_stand_anywhere(header: str) -> None:
    """Whatever a header says, what is let through is plain ASCII without blanks or quotes."""
    media, _ = media_type(header)
    if is_media_type(media):
        assert media.isascii()
        assert media.isprintable()
        assert not set(media) & set(" \"'<>,;\\")
        assert len(media) <= 127


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"\xff", "text/plain"), (b"\xe9", "text/html"), (b"a", "text/plain; charset=utf-16")],
)
async def test_a_text_that_cannot_be_read_is_malformed(body: bytes, media: str) -> None:
    """A text is never guessed at, and no byte of it replaced."""
    assert isinstance(await error_of(typed(body, media)), MalformedUpstreamResponse)


@pytest.mark.parametrize(
    "method", [{"method": "list"}, {"response": "body.rows"}, {"response_path": "rows"}]
)
@pytest.mark.parametrize("media", ["text/html", "image/png"])
async def test_a_method_that_reads_json_gets_json(method: dict[str, Any], media: str) -> None:
    """A page of HTML, or a picture, where records should be is an error and not an empty answer."""
    error = await error_of(typed(b"<p>", media), **method)
    assert isinstance(error, MalformedUpstreamResponse)


async def test_a_promised_output_is_json() -> None:
    """With an output schema a text would be an answer that clients refuse."""
    tool = replace(make_tool(), output_schema={"type": "object"})
    outcome = await World(typed(b"a", "text/plain")).call(tool)
    assert isinstance(outcome.error, MalformedUpstreamResponse)
    assert (await World(response({"a": 1})).call(tool)).value == b'{"a":1}'


async def test_plain_text_may_pass_an_expression() -> None:
    """A response expression sees plain text as a string."""
    outcome = await outcome_of(typed(b"a", "text/plain"), response='{"t": body}')
    assert (outcome.value, outcome.content) == (b'{"t":"a"}', ())


async def test_an_error_in_a_text_is_found() -> None:
    """The `errors` expression sees texts too, and a picture as Base64."""
    method: dict[str, Any] = {"errors": '$contains(body, "Fault") ? "It failed."'}
    error = await error_of(typed(b"<Fault/>", "text/xml"), **method)
    assert isinstance(error, UpstreamReportedError)
    outcome = await outcome_of(typed(PNG, "image/png"), **method)
    assert [block.kind for block in outcome.content] == ["image"]


def block(type_: Any, value: str, **more: Any) -> ContentBlock:
    return ContentBlock(type=type_, value=value, **more)


MIXED = (
    block("text", '"Chart of " & args.id'),
    block("image", "body.chart", mime_type="image/png"),
    block("audio", "body.sound", mime_type="audio/wav"),
    block("resource", "body.csv", mime_type="text/csv", uri="crm://charts/{{args.id}}.csv"),
    block("resource", "body.chart", mime_type="application/pdf"),
    block("text", "body.nothing"),
    block("text", "body.rows"),
)


async def test_declared_blocks_come_in_their_order() -> None:
    """Texts, pictures, sounds and resources, each decoded; what is undefined is left out."""
    body = {"chart": B64, "sound": B64, "csv": "a;b", "rows": {"n": 1}}
    outcome = await outcome_of(
        response(body),
        ("id", "path"),
        path="/c/{{args.id}}",
        content=MIXED,
        arguments={"id": "a/ü"},
    )
    assert outcome.error is None
    assert outcome.value is None
    uri = "mcpassport://tool/a%2F%C3%BC"
    assert outcome.content == (
        Block(kind="text", text="Chart of a/ü"),
        Block(kind="image", data=PNG, mime_type="image/png", uri=uri),
        Block(kind="audio", data=PNG, mime_type="audio/wav", uri=uri),
        Block(kind="resource", text="a;b", mime_type="text/csv", uri="crm://charts/a%2F%C3%BC.csv"),
        Block(kind="resource", data=PNG, mime_type="application/pdf", uri=uri),
        Block(kind="text", text='{"n":1}'),
    )
    assert outcome.size == sum(block.size for block in outcome.content)


async def test_a_body_that_is_not_json_is_text_or_base64_to_an_expression() -> None:
    """`body` is the text, or the bytes in Base64; the media type is then that of the response."""
    picture = (block("text", '"Here."'), block("image", "body"))
    outcome = await outcome_of(typed(PNG, "image/gif"), content=picture)
    assert outcome.content[1].data == PNG
    assert outcome.content[1].mime_type == "image/gif"
    outcome = await outcome_of(typed(b"a\nb", "text/csv"), content=(block("resource", "body"),))
    assert (outcome.content[0].text, outcome.content[0].mime_type) == ("a\nb", "text/csv")
    outcome = await outcome_of(typed(PNG, "application/zip"), content=(block("resource", "body"),))
    assert (outcome.content[0].data, outcome.content[0].mime_type) == (PNG, "application/zip")


async def test_a_list_of_texts_gives_one_block_each() -> None:
    """Attachments in an array become as many blocks; an empty array none."""
    content = (block("image", "body.images.data", mime_type="image/png"), block("text", '"end"'))
    body = {"images": [{"data": B64}, {"data": B64}]}
    outcome = await outcome_of(response(body), content=content)
    assert [item.kind for item in outcome.content] == ["image", "image", "text"]
    outcome = await outcome_of(response({"images": []}), content=content)
    assert [item.kind for item in outcome.content] == ["text"]


@pytest.mark.parametrize("method", [{"response": "body.row"}, {"response_path": "row"}])
async def test_a_structured_answer_stands_beside_the_blocks_when_it_is_mapped(
    method: dict[str, Any],
) -> None:
    """`response` and `response_path` say what is structured; the blocks still see the body."""
    content = (block("text", "body.said"),)
    outcome = await outcome_of(response({"row": {"a": 1}, "said": "x"}), content=content, **method)
    assert (outcome.value, outcome.content) == (b'{"a":1}', (Block(kind="text", text="x"),))


SPOILT: dict[str, tuple[ContentBlock, Any]] = {
    "no Base64": (block("image", "body", mime_type="image/png"), "not Base64!"),
    "Base64 of the URL kind": (block("image", "body", mime_type="image/png"), "_-_-"),
    "Base64 without its end": (block("image", "body", mime_type="image/png"), B64[:-2]),
    "Base64 in lines": (block("image", "body", mime_type="image/png"), f"{B64}\n{B64}"),
    "nothing in it": (block("image", "body", mime_type="image/png"), ""),
    "a number": (block("image", "body", mime_type="image/png"), 5),
    "an object": (block("resource", "body", mime_type="text/plain"), {"a": 1}),
    "no block": (block("text", "body.nothing"), {}),
    "null": (block("text", "body"), None),
    "JSON that should be a picture": (block("image", "body.x"), {"x": B64}),
    "no Base64 of a resource": (block("resource", "body", mime_type="a/b"), "é"),
}


@pytest.mark.parametrize("row", SPOILT)
async def test_what_does_not_fit_its_block_is_malformed(row: str) -> None:
    """The answer is refused whole, and none of its text is shown."""
    declared, body = SPOILT[row]
    error = await error_of(response(body), content=(declared,))
    assert isinstance(error, MalformedUpstreamResponse)
    assert str(body) not in str(error) or not body


async def test_an_address_that_lacks_a_value_or_is_too_long_is_replaced() -> None:
    """After the call has been made its answer is not lost to an address."""
    content = (block("resource", "body", mime_type="text/plain", uri="crm://x/{{args.id}}"),)
    plain = response("x")
    assert (await outcome_of(plain, content=content)).content[0].uri == TOOL
    long = {"id": "é" * URI_MAX_CHARS}
    outcome = await outcome_of(plain, ("id", "query"), content=content, arguments=long)
    assert outcome.content[0].uri == TOOL
    context = (block("resource", "body", mime_type="text/plain", uri="crm://{{context.a|b}}/"),)
    world = World(plain)
    outcome = await world.call(make_tool(content=context), make_account(context={"a": "../x"}))
    assert outcome.content[0].uri == "crm://..%2Fx/"


async def test_long_integers_become_texts_before_the_expression() -> None:
    """As before any expression, with the note."""
    outcome = await outcome_of(
        response(b'{"n":12345678901234567890}'), content=(block("text", "body"),)
    )
    assert outcome.content == (Block(kind="text", text='{"n":"12345678901234567890"}'),)
    assert outcome.notes == (NOTE_INTEGERS,)


async def test_a_failing_expression_says_its_place() -> None:
    """Neither the engine's words nor the body are shown."""
    error = await error_of(response({"a": "planted"}), content=(block("text", "body.a + 1"),))
    assert isinstance(error, ExpressionFailed)
    assert "notes.get content" in str(error)
    assert "planted" not in str(error)


CAP = 1_000


@pytest.mark.parametrize(
    "content",
    [
        (block("text", "body.a"), block("text", "body.a")),
        (block("image", "body.b", mime_type="image/png"), block("text", "body.a & body.a")),
        tuple(block("text", "body.list") for _ in range(2)),
    ],
)
async def test_blocks_together_are_no_larger_than_a_body(content: tuple[ContentBlock, ...]) -> None:
    """Expressions may repeat what came in; what goes out is capped all the same."""
    body = {"a": "x" * 600, "b": B64, "list": ["x"] * (BLOCKS_MAX - 1)}
    world = World(response(body), limits=Limits(upstream_body_bytes=CAP))
    outcome = await world.call(make_tool(content=content))
    assert isinstance(outcome.error, ResponseTooLarge)
    assert (outcome.value, outcome.content) == (None, ())


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([], "This tool has no argument that narrows it."),
        ([("since", "query")], "These arguments may narrow it: 'since'."),
        ([(f"f{n}", "query") for n in range(9)], "'f6', 'f7' and others."),
        ([("limit", "paging")], "Call again with a smaller 'limit'."),
        (
            [("limit", "paging"), ("q", "query")],
            "Call again with a smaller 'limit'. These arguments may narrow it: 'q'.",
        ),
    ],
)
async def test_an_answer_over_the_cap_says_how_to_ask_for_less(routes: Any, said: str) -> None:
    """The page size and the arguments of the query are named; so is the cap."""
    world = World(ResponseTooLarge(), limits=Limits(upstream_body_bytes=2**20))
    outcome = await world.call(make_tool(*routes))
    assert str(outcome.error).startswith("The upstream's answer is over the size cap of 1 MiB.")
    assert str(outcome.error).endswith(said)


async def test_declared_blocks_ask_for_whatever_there_is() -> None:
    """JSON is asked for, and of a method with blocks anything else too; the integration wins."""
    for method, accept in (
        ({}, "application/json"),
        ({"content": (block("text", '"x"'),)}, "application/json, */*;q=0.5"),
        ({"headers": {"accept": "image/png"}}, "image/png"),
    ):
        world = World(response({}))
        await world.call(make_tool(**method))
        assert dict(world.http.request.headers).get("Accept", accept) == accept


def test_nothing_of_a_block_shows_in_its_repr() -> None:
    """A block that ends up in a log shows kind and size only."""
    shown = repr(Block(kind="image", data=b"planted", mime_type="image/planted"))
    assert "planted" not in shown
    assert "7 bytes" in shown
