"""Filters: what one server exposes."""

import pytest
from tests.support.catalogs import make_integration, make_method, make_record

from mcpassport.catalog import digest
from mcpassport.catalog.build import build
from mcpassport.catalog.select import check_filter, select
from mcpassport.errors import EmptyFilter, UnknownFilter
from mcpassport.records.tool import Catalog, Filter

METHODS = (
    ("contacts", "list", ("crm",)),
    ("contacts", "get", ("crm",)),
    ("contacts", "create", ("crm",)),
    ("contacts", "merge", ("crm", "beta")),
    ("tickets", "list", ("support",)),
    ("tickets", "update", ("support",)),
    ("tickets", "delete", ("support",)),
)


@pytest.fixture
def catalog() -> Catalog:
    return build(
        make_integration(
            [
                make_method(method, resource=resource, tags=tags[1:])
                for resource, method, tags in METHODS
            ],
            [make_record(method, resource=resource) for resource, method, _ in METHODS],
        )
    )


def chosen(catalog: Catalog, wanted: Filter, removed: tuple[str, ...] = ()) -> set[str]:
    surface = select(catalog, wanted, removed)
    return {f"{tool.method.resource}.{tool.method.method}" for tool in surface.tools}


ALL = {f"{resource}.{method}" for resource, method, _ in METHODS}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), ALL),
        (Filter(methods=("read",)), {"contacts.list", "contacts.get", "tickets.list"}),
        (Filter(methods=("write",)), {"contacts.create", "tickets.update", "tickets.delete"}),
        (Filter(methods=("custom",)), {"contacts.merge"}),
        (Filter(methods=("read", "write", "custom")), ALL),
        (Filter(methods=("custom", "delete")), {"contacts.merge", "tickets.delete"}),
        (Filter(tags=("support",)), {"tickets.list", "tickets.update", "tickets.delete"}),
        (Filter(tags=("support", "beta")), ALL - {"contacts.list", "contacts.get"}
            - {"contacts.create"}),
        (Filter(resources=("tickets",), methods=("read",)), {"tickets.list"}),
        (Filter(methods=("read",), tags=("crm",), resources=("contacts", "tickets")),
            {"contacts.list", "contacts.get"}),
        (Filter(deny=("contacts.create", "tickets.update")), ALL - {"contacts.create",
            "tickets.update"}),
        (Filter(methods=("read",), deny=("list_all_acme_crm_contacts",)), {"contacts.get",
            "tickets.list"}),
        (Filter(methods=()), set()),
        (Filter(tags=()), set()),
        (Filter(resources=()), set()),
        (Filter(methods=("gone",)), set()),
    ],
)  # fmt: skip
def test_a_filter_is_methods_and_tags_and_resources(
    catalog: Catalog, wanted: Filter, expected: set[str]
) -> None:
    """Names in a member are alternatives, members narrow each other, an empty one admits none."""
    assert chosen(catalog, wanted) == expected


def test_removed_methods_leave_the_surface(catalog: Catalog) -> None:
    """An override takes methods away by resource and method, and nothing else."""
    assert chosen(catalog, Filter(), ("tickets.list", "contacts.none")) == ALL - {"tickets.list"}


def test_the_surface_has_an_order_and_a_digest_of_its_own(catalog: Catalog) -> None:
    """Tools stand in name order; the digest is the root of exactly these leaves."""
    surface = select(catalog, Filter(methods=("read",)))
    names = [tool.name for tool in surface.tools]
    assert names == sorted(names)
    assert surface.digest == digest.root([digest.leaf(tool) for tool in surface.tools])
    assert surface.digest != catalog.digest == select(catalog, Filter()).digest


@pytest.mark.parametrize(
    ("wanted", "where", "valid"),
    [
        (
            Filter(methods=("list", "wipe")),
            "/methods/1",
            "read, write, custom, create, delete, get, list, merge, update",
        ),
        (Filter(tags=("x",)), "/tags/0", "beta, crm, support"),
        (Filter(resources=("x",)), "/resources/0", "contacts, tickets"),
    ],
)
def test_an_unknown_name_is_answered_with_the_valid_ones(
    catalog: Catalog, wanted: Filter, where: str, valid: str
) -> None:
    """The refusal says which name, where it stands, and what could stand there."""
    with pytest.raises(UnknownFilter) as caught:
        check_filter(catalog, wanted)
    (problem,) = caught.value.problems
    assert (problem.where, problem.mend) == (where, f"Valid: {valid}.")
    assert valid in str(caught.value)


@pytest.mark.parametrize(
    "wanted",
    [Filter(methods=("custom",), resources=("tickets",)), Filter(methods=()), Filter(tags=())],
)
def test_a_filter_that_matches_nothing_is_refused(catalog: Catalog, wanted: Filter) -> None:
    """A server without tools is a mistake, found when it is made."""
    with pytest.raises(EmptyFilter):
        check_filter(catalog, wanted)


def test_a_filter_that_matches_something_is_fine(catalog: Catalog) -> None:
    """A valid filter passes without a word."""
    check_filter(catalog, Filter(methods=("read", "merge"), tags=("crm",)))
