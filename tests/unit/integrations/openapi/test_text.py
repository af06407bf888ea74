"""Descriptions, made fit for a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.openapi.text import one_line, plain_text


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("Plain words.", "Plain words."),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("Use <code>GET /a/<id></code> or <https://a.example>.", "Use GET /a/<id> or <https://a.example>."),
        ("a < b and c > d", "a < b and c > d"),
        ("Version.</br>Older.", "Version.\nOlder."),
        ("x &lt; y &amp; z", "x < y & z"),
        ('{% admonition type="info" %}\nNote.\n{% /admonition %}', "Note."),
        ("Hi\u200bdden\u202e \U000e0041text<!-- secret -->.", "Hidden text."),
        ("a\r\n\n\n\nb   \n", "a\n\nb"),
        ("\x00\x07bell", "bell"),
    ],
)  # fmt: skip
def test_markup_and_what_nobody_sees_are_taken_out(given_text: str, expected: str) -> None:
    """HTML tags, directives, comments and invisible characters go; every word stays."""
    assert plain_text(given_text) == expected


@given(st.text())
def test_a_plain_text_is_visible_and_trimmed(text: str) -> None:
    """No control or zero-width character is left, nor a blank at an end of a line."""
    found = plain_text(text)
    assert found == found.strip()
    assert not set(found) & {"\x00", "\r", "\t", "\u200b", "\u202e", "\ufeff"}
    assert all(line == line.rstrip() for line in found.split("\n"))


def test_a_long_text_is_no_title() -> None:
    """What does not fit one line of that length is left out, not cut."""
    assert one_line("a\n b", 3) == "a b"
    assert one_line("abcd", 3) == ""
