r"""Path arguments over the whole app: one value is one segment, whatever it looks like."""

from urllib.parse import quote, unquote

import pytest
from tests.support.items import GET, PART
from tests.support.whole import WAYS, Call, Door, Era, World, ok, succeeded, withheld

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED: dict[str, str] = {
    "dot": ".",
    "two dots": "..",
    "encoded dot": "%2e",
    "encoded dots": "%2e%2e",
    "encoded dots in upper case": "%2E%2E",
    "half encoded dots": ".%2e",
    "twice encoded dots": "%252e%252e",
    "three times encoded dots": "%25252e%25252e",
    "dots and a slash": "../",
    "climbing": "../../admin",
    "climbing after a name": "a/../../admin",
    "encoded climbing": "a%2f%2e%2e%2fadmin",
    "twice encoded climbing": "..%252fadmin",
    "climbing by backslash": "..\\..\\admin",
    "encoded backslash": "..%5c..%5cadmin",
    "dots with a path parameter": "..;a=b",
    "encoded path parameter": "..%3ba=b/x",
    "CR LF": "1\r\nX-Evil: 1",
    "CR LF and a request": "1 HTTP/1.1\r\nHost: evil\r\n\r\nGET /",
    "LF": "1\n",
    "encoded CR LF": "1%0d%0aX-Evil: 1",
    "NUL": "1\0",
    "encoded NUL": "1%00.json",
    "twice encoded NUL": "1%2500",
    "DEL": "1\x7f",
    "C1 control": "1\x85",
    "line separator": "1\u2028",
    "2,001 characters": "x" * 2_001,
    "100 kB": "x" * 100_000,
    "100 kB of percent signs": "%25" * 33_000,
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", REFUSED)
async def test_a_value_that_cannot_be_one_segment_is_refused(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """Dots, controls and floods in a path argument are an argument error; nothing is sent."""
    met = await app.call(way, Call(GET, {"id": REFUSED[row]}), ok())
    withheld(met, "invalid_arguments", way[1])
    text = met.response.json()["result"]["content"][0]["text"]
    assert "/id" in text
    assert "Send a plain identifier." in text
    assert len(text) < 1_000


@pytest.mark.parametrize("value", ["..", "%2e%2e", "a/../b", "x\r\n", ""])
@pytest.mark.parametrize("name", ["folder", "id"])
async def test_every_placeholder_of_a_path_is_guarded(app: World, name: str, value: str) -> None:
    """Also a value in the middle of a path, and one that is a part of a segment."""
    arguments = {"folder": "f", "id": "1", name: value}
    withheld(await app.call(WAYS[0], Call(PART, arguments), ok()), "invalid_arguments", "legacy")


ARRIVING: dict[str, str] = {
    "plain": "item-1_~.x",
    "three dots": "...",
    "name with dots": "a..b",
    "hidden file": ".env",
    "slash": "a/b",
    "another host": "//evil.example/x",
    "URL": "http://evil.example/",
    "metadata URL": "http://169.254.169.254/latest",
    "encoded slash": "a%2fb",
    "backslash": "a\\b",
    "two backslashes": "\\\\evil.example\\x",
    "semicolon": "1;admin=true",
    "question mark": "1?admin=true",
    "fragment": "1#x",
    "user and host": "@evil.example",
    "port": ":80",
    "space": "a b",
    "plus": "a+b",
    "percent alone": "100%",
    "broken percent": "%zz%",
    "encoded question mark": "1%3fadmin=true",
    "overlong UTF-8 dots": "%c0%ae%c0%ae",
    "percent-u dots": "%u002e%u002e",
    "fullwidth dots": "\uff0e\uff0e",
    "one-dot leaders": "\u2024\u2024",
    "two-dot leader": "\u2025",
    "fullwidth slash": "a\uff0fb",
    "division slash": "a\u2215b",
    "fullwidth percent": "\uff052e\uff052e",
    "circled digits": "①②⑦.0.0.1",
    "right-to-left override": "a\u202eb",
    "zero-width space": ".\u200b.",
    "combining accent": "e\u0301",
    "emoji": "😀",
    "template": "{{context.key}}",
    "shell": "$(id)`id`|id",
    "quotes": "'\"<script>",
    "2,000 characters": "x" * 2_000,
    "longest in UTF-8": "😀" * 1_000,
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", ARRIVING)
async def test_an_accepted_value_is_exactly_one_segment(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """The upstream sees the same host and prefix, and one segment that decodes to the value."""
    value = ARRIVING[row]
    met = await app.call(way, Call(GET, {"id": value}), ok())
    succeeded(met)
    (seen,) = met.upstream
    assert seen.target == f"/v1/items/{quote(value, safe='')}"
    assert [unquote(part) for part in seen.target.split("/")] == ["", "v1", "items", value]
    assert seen.header("host") == app.lab.listing
    assert seen.method == "GET"


@pytest.mark.parametrize("value", ["a/b", "//evil.example", "1?x#y", "a\\b", ";", "．．"])
async def test_a_value_inside_a_path_moves_nothing(app: World, value: str) -> None:
    """The literal segments and pieces around two values stay where the template has them."""
    met = await app.call(WAYS[0], Call(PART, {"folder": value, "id": value}), ok())
    succeeded(met)
    (seen,) = met.upstream
    encoded = quote(value, safe="")
    assert seen.target == f"/v1/folders/{encoded}/parts/p-{encoded}.json"


@pytest.mark.parametrize(
    "value",
    ["a%2fb", "%2fadmin", "a%255cb"],
)
async def test_an_encoded_separator_is_encoded_again(app: World, value: str) -> None:
    """What arrives percent-encoded leaves encoded twice, so that one decoding gives the value."""
    met = await app.call(WAYS[0], Call(GET, {"id": value}), ok())
    succeeded(met)
    assert met.upstream[0].target == "/v1/items/" + value.replace("%", "%25")
