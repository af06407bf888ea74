"""Names are unique, well formed, and independent of the order of the description."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.openapi.model import Operation
from mcpassport.integrations.openapi.naming import name_all
from mcpassport.integrations.openapi.text import slug
from mcpassport.records.integration import HttpMethod

NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
METHODS: list[HttpMethod] = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SEGMENTS = st.sampled_from(
    ["contacts", "tags", "list", "archive", "{id}", "{contact_id}", "a.b", "é", "v1", "{x}:run"]
) | st.text(max_size=5)
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda parts: "/" + "/".join(parts))
OPERATIONS = st.lists(
    st.builds(
        Operation,
        http=st.sampled_from(METHODS),
        path=PATHS,
        operation_id=st.sampled_from(["", "list", "doIt", "___", "get things"])
        | st.text(max_size=8),
        where=st.just("spec#"),
    ),
    max_size=12,
    unique_by=lambda item: (item.http, item.path),
)


@given(OPERATIONS, st.integers())
def test_every_operation_has_a_name_of_its_own_whatever_the_order(
    operations: list[Operation], seed: int
) -> None:
    """Resource and method are names of this format, used once, and the same after a shuffle."""
    named = name_all(operations)
    assert len(named) == len(operations)
    keys = {(item.resource, item.method) for item in named}
    assert len(keys) == len(named)
    for item in named:
        assert NAME.fullmatch(item.resource)
        assert NAME.fullmatch(item.method)
        assert max(len(item.resource), len(item.method)) <= 64
    shuffled = list(operations)
    random.Random(seed).shuffle(shuffled)
    assert name_all(shuffled) == named


@given(OPERATIONS)
def test_a_deeper_path_never_renames_a_shallower_resource(operations: list[Operation]) -> None:
    """A newer description with more paths below leaves overlays of the old names valid."""
    top = Operation(http="GET", path="/contacts", where="spec#")
    deeper = [item for item in operations if item.path.startswith("/contacts/")]
    names = {item.operation.path: item.resource for item in name_all([top, *deeper])}
    assert names["/contacts"] == "contacts"


@given(st.text(max_size=100))
def test_a_slug_is_a_name_or_empty(text: str) -> None:
    """Lower case, digits and single underscores, at most 64 characters."""
    found = slug(text)
    assert not found or (NAME.fullmatch(found) and len(found) <= 64)
