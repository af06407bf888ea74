"""Placeholders: what parses, what it renders to, and what is dropped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import InvalidArguments, InvalidExpression
from mcpassport.expressions import MISSING, Placeholder, parse_template, render_tree
from mcpassport.expressions.placeholders import CASTS, SCOPES

VISIBLE = st.characters(categories=("L", "M", "N", "P", "S"), exclude_characters="{}")
NAME = st.text(VISIBLE.filter(lambda char: char not in ":|."), min_size=1)
FALLBACK = st.text(VISIBLE | st.just(" ")).map(str.strip)
LITERAL = st.text(st.characters(codec="utf-8", exclude_characters="{}"), min_size=1)
PLACEHOLDERS = st.builds(
    Placeholder,
    st.sampled_from(SCOPES),
    st.lists(NAME, min_size=1, max_size=3).map(tuple),
    st.none() | st.sampled_from(sorted(CASTS)),
    st.none() | FALLBACK,
)


def render(text: str, **args: Any) -> Any:
    return parse_template(text, "test").render({"args": args, "context": {"region": "eu"}})


@given(PLACEHOLDERS)
def test_a_placeholder_survives_being_written_and_parsed(placeholder: Placeholder) -> None:
    """The canonical text of a placeholder parses to that placeholder."""
    assert parse_template(str(placeholder), "test").parts == (placeholder,)


@given(st.lists(LITERAL | PLACEHOLDERS, max_size=5))
def test_a_template_parses_to_its_parts(parts: list[str | Placeholder]) -> None:
    """Literals and placeholders come back in order, neighbouring literals joined."""
    template = parse_template("".join(str(part) for part in parts), "test")
    assert "".join(str(part) for part in template.parts) == template.source
    assert template.placeholders == tuple(p for p in parts if isinstance(p, Placeholder))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_lone_placeholder_keeps_the_value(value: Any) -> None:
    """A template that is one placeholder gives the value itself, whatever its type."""
    assert render("{{args.x}}", x=value) == value


@given(st.integers(-(10**60), 10**60))
def test_an_integer_cast_is_exact(number: int) -> None:
    """However long, a digit string becomes exactly its integer."""
    assert render("{{args.x:int}}", x=str(number)) == number


@pytest.mark.parametrize(
    ("text", "args", "value"),
    [
        ("plain", {}, "plain"),
        ("{{args.a.b}}", {"a": {"b": [1]}}, [1]),
        ("{{args.x:num}}", {"x": "1.5"}, 1.5),
        ("{{args.x:num}}", {"x": 7}, 7),
        ("{{args.x:int}}", {"x": 3.0}, 3),
        ("{{args.x:bool}}", {"x": "true"}, True),
        ("{{args.x:bool}}", {"x": False}, False),
        ("{{args.x:json}}", {"x": '{"a":[1]}'}, {"a": [1]}),
        ("{{args.x:json}}", {"x": {"a": 1}}, {"a": 1}),
        ("{{args.x:str}}", {"x": 12}, "12"),
        ("{{args.x:str}}", {"x": True}, "true"),
        ("{{args.x:str}}", {"x": {"a": [None]}}, '{"a":[null]}'),
        ("{{args.x|none}}", {}, "none"),
        ("{{ args.x:int | 20 }}", {}, 20),
        ("{{args.x|}}", {}, ""),
        ("{{args.x|y}}", {"x": None}, None),
        ("{{context.region}}-{{args.n}}", {"n": 3}, "eu-3"),
        ("a{{args.x}}", {"x": None}, MISSING),
        ("a{{args.x}}", {}, MISSING),
        ("{{args.x:int}}", {}, MISSING),
        ('{"a":{"b":1}}', {}, '{"a":{"b":1}}'),
    ],
)
def test_rendering(text: str, args: dict[str, Any], value: Any) -> None:
    """Casts, fallbacks, mixed texts and missing values come out as the format says."""
    result = render(text, **args)
    assert result is value if value is MISSING else (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        ("int", "1.5"),
        ("int", "x"),
        ("int", True),
        ("int", "9" * 5000),
        ("int", []),
        ("num", "NaN"),
        ("num", "1e999"),
        ("num", True),
        ("bool", "yes"),
        ("bool", 1),
        ("json", "{"),
        ("json", "[" * 5000),
    ],
)
def test_a_value_that_does_not_fit_its_cast_is_refused_unseen(cast: str, value: Any) -> None:
    """The error names the placeholder, not the value."""
    with pytest.raises(InvalidArguments) as caught:
        render("{{args.secretive:" + cast + "}}", secretive=value)
    assert "args.secretive" in str(caught.value)
    assert caught.value.problems[0].where == "/secretive"


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{x}}",
        "{{env.HOME}}",
        "{{args.}}",
        "{{args..a}}",
        "{{args.a:date}}",
        "{{args.a",
        "{{args.a|{b}}}",
        "{{args.a b}}",
        "{{{args.a}}}",
    ],
)
def test_anything_else_in_double_braces_does_not_compile(text: str) -> None:
    """An unknown scope, cast or form is refused, with the slot's name."""
    with pytest.raises(InvalidExpression, match=r"contacts\.list body"):
        parse_template(text, "contacts.list body")


def test_a_tree_drops_what_is_missing() -> None:
    """A missing value takes its key or its element with it; other values stay."""
    tree = {"a": "{{args.a}}", "b": ["{{args.b}}", "{{args.a}}"], "c": {"d": "{{args.a}}"}, "e": 1}
    assert render_tree(tree, {"args": {"b": 2}}) == {"b": [2], "c": {}, "e": 1}
