"""Tool names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.catalog.naming import tool_name
from mcpassport.records.integration import Resource

CONTACTS = Resource(name="contacts", label="Contacts", singular="contact")


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("list", "list_all_acme_crm_contacts"),
        ("get", "get_single_acme_crm_contact_by_id"),
        ("create", "create_a_acme_crm_contact"),
        ("update", "update_a_acme_crm_contact_by_id"),
        ("delete", "delete_a_acme_crm_contact_by_id"),
        ("search", "acme_crm_contact_search"),
        ("Merge-All", "acme_crm_contact_merge_all"),
    ],
)
def test_each_method_has_its_pattern(method: str, expected: str) -> None:
    """The five standard methods and custom ones follow the written patterns."""
    assert tool_name("acme-crm", CONTACTS, method) == expected


def test_a_long_name_keeps_57_characters_and_a_hash() -> None:
    """Two long names that differ only at the end stay apart, at exactly 64 characters."""
    long = "very_long_resource_name_that_goes_on_and_on_and_on_and_on"
    first, second = (
        tool_name("acme", Resource(name=long + end, label="x", singular=long + end), "list")
        for end in ("_a", "_b")
    )
    assert len(first) == len(second) == 64
    assert first[:57] == second[:57] == f"list_all_acme_{long}"[:57]
    assert re.fullmatch(r"_[0-9a-f]{6}", first[57:])
    assert first != second


def test_64_characters_are_not_shortened() -> None:
    """The limit itself is kept as it is."""
    name = "a" * (64 - len("list_all_acme_"))
    resource = Resource(name=name, label="x", singular=name)
    assert tool_name("acme", resource, "list") == f"list_all_acme_{name}"


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_every_name_is_within_alphabet_and_length(
    integration: str, resource: str, method: str
) -> None:
    """Whatever the parts hold, clients get `[a-z0-9_]`, 1 to 64 characters."""
    name = tool_name(integration, Resource(name=resource, label="", singular=resource), method)
    assert re.fullmatch(r"[a-z0-9_]{1,64}", name)
