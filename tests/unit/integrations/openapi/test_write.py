"""Written YAML is read back as it was, by the loader's reader, and always in the same bytes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.marks import plain
from mcpassport.integrations.openapi.write import to_yaml
from mcpassport.integrations.yaml_text import read_yaml

TEXTS = st.text() | st.sampled_from(
    [
        "no",
        "on",
        "1e3",
        "0x1f",
        "0o17",
        "1_000",
        ".5",
        "2024-05-01",
        "~",
        "",
        "a: b",
        "- a",
        "#",
        "\n",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    """No text turns into a number, a date or a boolean on its way."""
    text = to_yaml({"value": value}, note="A note.")
    found, findings = read_yaml(text, "file")
    assert findings == []
    assert plain(found) == {"value": value}


@given(VALUES)
def test_the_same_value_gives_the_same_bytes(value: Any) -> None:
    """A shared part is written out, never an alias."""
    assert to_yaml([value, value], note="x") == to_yaml([value, value], note="x")
    assert "&id" not in to_yaml([[1, 2]] * 2, note="x")
