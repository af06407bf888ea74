"""Why a tool is not on a server: every reason at once, for any name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.catalogs import make_integration, make_method, make_record

from mcpassport.catalog.build import build
from mcpassport.catalog.explain import Explanation, why_not
from mcpassport.catalog.select import select
from mcpassport.records.tool import Filter

METHODS = ("list", "get", "create", "delete", "merge", "undescribed")
INTEGRATION = make_integration(
    [make_method(method, tags=("beta",) if method == "merge" else ()) for method in METHODS],
    [make_record(method) for method in METHODS if method != "undescribed"],
)
CATALOG = build(INTEGRATION)
CREATE = "create_a_acme_crm_contact"


def explained(
    name: str, wanted: Filter | None = None, removed: tuple[str, ...] = ()
) -> Explanation:
    return why_not(INTEGRATION, CATALOG, wanted or Filter(), removed, name)


def kinds(found: Explanation) -> list[str]:
    return [reason.kind for reason in found.reasons]


@pytest.mark.parametrize("name", [CREATE, "contacts.create"])
def test_an_offered_tool_has_no_reason(name: str) -> None:
    """By its name and by resource.method."""
    found = explained(name)
    assert (found.name, found.resource, found.method) == (CREATE, "contacts", "create")
    assert found.reasons == ()


def test_every_reason_is_told_at_once() -> None:
    """All three members of the filter and the override, each with its mend."""
    wanted = Filter(methods=("read",), tags=("beta",), resources=("tickets",))
    found = explained(CREATE, wanted, ("contacts.create",))
    assert kinds(found) == ["methods", "tags", "resources", "override"]
    told = " ".join(reason.message + reason.mend for reason in found.reasons)
    for word in ("read", "create", "beta", "crm", "tickets", "contacts", "removed_methods"):
        assert word in told


def test_a_dropped_method_is_named_with_its_rule_and_mend() -> None:
    """No record, no tool: the name that it would have is known all the same."""
    for name in ("contacts.undescribed", "acme_crm_contact_undescribed"):
        found = explained(name)
        assert found.name == "acme_crm_contact_undescribed"
        assert kinds(found) == ["dropped"]
        assert "no_record" in found.reasons[0].message
        assert "documentation record" in found.reasons[0].mend
        assert "documentation record" not in found.reasons[0].message.partition("(")[0]


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("create_acme_crm_contact", CREATE),
        ("CREATE_A_ACME_CRM_CONTACTS", CREATE),
        ("contact.create", "contacts.create"),
        ("acme_crm_contact_undescibed", "acme_crm_contact_undescribed"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(asked: str, nearest: str) -> None:
    """Names of what was dropped among them."""
    found = explained(asked)
    assert kinds(found) == ["unknown"]
    assert found.nearest[0] == nearest
    assert nearest in found.reasons[0].mend


@pytest.mark.parametrize("asked", ["", "?", "é" * 5000, "x" * 100_000])
def test_a_name_like_none_is_told_so(asked: str) -> None:
    """However long it is."""
    assert explained(asked).nearest == ()


NAMES = st.sampled_from([tool.name for tool in CATALOG.tools])
SOME = st.none() | st.lists(
    st.sampled_from(["read", "write", "merge", "crm", "beta", "contacts", "x"]), max_size=2
).map(tuple)


@given(NAMES, st.builds(Filter, methods=SOME, tags=SOME, resources=SOME), st.booleans())
def test_a_tool_has_no_reason_exactly_when_it_is_offered(
    name: str, wanted: Filter, removed: bool
) -> None:
    """What is explained is what the server does."""
    gone = ("contacts.create",) if removed else ()
    offered = {tool.name for tool in select(CATALOG, wanted, gone).tools}
    assert (explained(name, wanted, gone).reasons == ()) == (name in offered)
