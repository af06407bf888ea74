"""Text of strangers becomes values, or is refused; it never hurts."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.descriptions import ImportText, ImportValue

from mcpassport.errors import InvalidIntegration
from mcpassport.integrations.openapi.read import BYTES_MAX, DEPTH_MAX, Unreadable, read_text
from mcpassport.integrations.openapi.write import to_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 10)}]\n"
    for level in range(9)
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(VALUES)
def test_json_is_read_as_json(value: Any) -> None:
    """What `json` writes comes back as it was."""
    text = json.dumps({"value": value}, ensure_ascii=False)
    assert read_text(text.encode()).value == {"value": value}


@given(VALUES)
def test_yaml_is_read_as_yaml(value: Any) -> None:
    """What the importer's own writer writes comes back as it was."""
    assert read_text(to_yaml({"value": value}, note="A note.").encode()).value == {"value": value}


def test_yaml_follows_the_1_2_core_schema() -> None:
    """`no` and dates are texts, so is a key `200`; numbers and booleans are what they seem."""
    text = (
        "a: no\nb: 2024-05-01\nc: 12:30\n200: 1\nd: 1e3\ne: .5\nf: true\ng: ~\nh: !!str 5\ni: '7'"
    )
    expected = {"a": "no", "b": "2024-05-01", "c": "12:30", "200": 1, "d": 1000.0, "e": 0.5}
    expected |= {"f": True, "g": None, "h": "5", "i": "7"}
    assert read_text(text.encode()).value == expected


def test_aliases_and_merge_keys_are_understood() -> None:
    """An alias is its anchor's value; `<<` fills in what a mapping does not say itself."""
    text = "base: &b {x: 1, y: 2}\nmore: {y: 3, <<: *b}\nsame: *b"
    assert read_text(text.encode()).value["more"] == {"y": 3, "x": 1}


def test_keys_that_stand_twice_are_named() -> None:
    """In YAML and JSON the last one counts, and the key is named."""
    for text in ("a: 1\nb: 2\na: 3", '{"a": 1, "b": 2, "a": 3}'):
        document = read_text(text.encode())
        assert (document.value["a"], document.doubled) == (3, ("a",))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"{" + b" " * BYTES_MAX,
        BOMB.encode(),
        b"a: &a [*a]",
        b"a: *nothing",
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 200_000,
        b"- " * 200_000,
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)).encode(),
        b"a: [",
        b"--- a\n--- b",
        b"? [a]\n: 1",
        b"? {a: b}\n: 1",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b"a: 1e999",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"a: " + b"9" * 5000,
        b'{"a": "\\ud800"}',
        b"a: \x01",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_hostile_text_is_refused(data: bytes) -> None:
    """Bombs, bottomless nesting, cycles and what JSON cannot hold end in one plain sentence."""
    with pytest.raises(Unreadable):
        read_text(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes make anything but a value or a refusal."""
    with contextlib.suppress(Unreadable):
        read_text(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not an object"),
        ("[1, 2]", "not an object"),
        ("just text", "not an object"),
        ("{}", "names no version"),
        ("openapi: 3.2.0", "OpenAPI 3.2.0 is not in this version"),
        ("openapi: 4", "OpenAPI 4 is not in this version"),
        ("swagger: '1.2'", "is not in this version"),
        ("openapi: [3]", "names no version"),
        ("swagger: '2.0'", "No absolute http(s) URL"),
        ("swagger: '2.0'\nhost: a.example", "no operation"),
        ("swagger: 2.0\nhost: a.example\npaths: [1]", "no operation"),
        (BOMB, "not usable"),
        ("a: [", "neither JSON nor YAML"),
    ],
    ids=range(13),
)
def test_a_file_that_is_no_description_is_refused(
    import_text: ImportText, text: str, said: str
) -> None:
    """The error says what is wrong with it and what could be read instead."""
    with pytest.raises(InvalidIntegration) as caught:
        import_text(text)
    assert said in str(caught.value)


def test_a_missing_file_is_refused(import_value: ImportValue) -> None:
    """The error names the file, not the machine's folders."""
    with pytest.raises(InvalidIntegration) as caught:
        import_value({"openapi": "3.2.0"})
    assert str(caught.value).startswith("spec.json: ")


def test_deeply_nested_schemas_are_imported(import_value: ImportValue, small: Any) -> None:
    """Twenty levels of objects in objects arrive whole."""
    schema: dict[str, Any] = {"type": "string", "description": "The bottom."}
    for level in range(20):
        schema = {"type": "object", "properties": {f"level{level}": schema}}
    body = small["paths"]["/things"]["post"]["requestBody"]
    body["content"]["application/json"]["schema"] = schema
    assert "The bottom." in import_value(small).files["docs/things.yaml"]
