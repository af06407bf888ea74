"""Canonical JSON, the two digests of a tool, and the Merkle tree."""

import hashlib
import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.catalogs import make_integration, make_method, make_record

from mcpassport.catalog import digest
from mcpassport.catalog.build import build
from mcpassport.catalog.present import token_cost, visible_object
from mcpassport.records.integration import ContentBlock

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def reference_root(entries: list[bytes]) -> bytes:
    """The recursive definition of RFC 9162, section 2.1.1, over leaf hashes."""
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return entries[0]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha(b"\x01" + reference_root(entries[:split]) + reference_root(entries[split:]))


def reference_path(index: int, entries: list[bytes]) -> list[bytes]:
    """The recursive definition of RFC 9162, section 2.1.3.1, over leaf hashes."""
    if len(entries) <= 1:
        return []
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if index < split:
        return [*reference_path(index, entries[:split]), reference_root(entries[split:])]
    return [*reference_path(index - split, entries[split:]), reference_root(entries[:split])]


def leaves(count: int) -> list[bytes]:
    return [sha(b"\x00" + bytes([index])) for index in range(count)]


KNOWN = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The test data of the Certificate Transparency reference implementation."""


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_the_tree_gives_the_published_roots(count: int, expected: str) -> None:
    """The roots of the published test data come out, for every size from 0 to 8."""
    hashed = [sha(b"\x00" + entry) for entry in KNOWN[:count]]
    assert digest.root(hashed).hex() == expected


@pytest.mark.parametrize("count", range(66))
def test_root_and_paths_equal_the_recursive_definition(count: int) -> None:
    """The iterative tree is the recursive one of the RFC, paths included, for all small sizes."""
    tree = leaves(count)
    assert digest.root(tree) == reference_root(tree)
    expected = [reference_path(index, tree) for index in range(count)]
    assert [digest.inclusion_path(tree, index) for index in range(count)] == expected
    assert digest.inclusion_paths(tree) == expected


@given(st.integers(1, 300), st.data())
def test_every_leaf_verifies_only_where_it_stands(count: int, data: st.DataObject) -> None:
    """An inclusion path proves its own leaf at its own index, and nothing else."""
    tree = leaves(256)[:count] if count <= 256 else leaves(256) + leaves(count - 256)
    index = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1))
    root = digest.root(tree)
    path = digest.inclusion_path(tree, index)
    assert digest.verify_inclusion(tree[index], index, count, path, root)
    assert not digest.verify_inclusion(sha(b"other"), index, count, path, root)
    assert not digest.verify_inclusion(tree[index], index, count, [*path, root], root)
    assert not digest.verify_inclusion(tree[index], index, count, path, sha(root))
    if path:
        assert not digest.verify_inclusion(tree[index], index, count, path[:-1], root)
    if other != index and digest.inclusion_path(tree, other) != path:
        assert not digest.verify_inclusion(tree[index], other, count, path, root)


def test_an_index_outside_of_the_tree_is_refused() -> None:
    """There is no path for a leaf that is not there, and nothing verifies at such an index."""
    tree = leaves(3)
    with pytest.raises(IndexError):
        digest.inclusion_path(tree, 3)
    assert not digest.verify_inclusion(tree[0], -1, 3, [], tree[0])
    assert not digest.verify_inclusion(tree[0], 3, 3, [], tree[0])


def shuffled(value: Any, source: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(inner, source)) for key, inner in value.items()]
        source.shuffle(items)
        return dict(items)
    return [shuffled(inner, source) for inner in value] if isinstance(value, list) else value


@given(JSON, st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_key_order(value: Any, source: random.Random) -> None:
    """The same value written in another key order has the same bytes."""
    assert digest.canonical(value) == digest.canonical(shuffled(value, source))


@given(JSON)
def test_canonical_json_survives_being_sent_and_read(value: Any) -> None:
    """Who reads the JSON that we send computes the same canonical bytes."""
    sent = msgspec.json.encode(value)
    assert digest.canonical(json.loads(sent)) == digest.canonical(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {1: 2}])
def test_canonical_json_refuses_what_it_cannot_carry(value: Any) -> None:
    """Inexact numbers, lone surrogates and keys that are not text raise `ValueError`."""
    with pytest.raises(ValueError, match=r".*"):
        digest.canonical(value)


def test_visible_is_recomputable_from_a_tools_list_entry() -> None:
    """The entry a client receives, with what varies by revision, gives the same digest."""
    catalog = build(make_integration([make_method()], [make_record(title="Größe")]))
    (tool,) = catalog.tools
    sent = msgspec.json.encode({**visible_object(tool), "outputSchema": {}, "_meta": {"x": 1}})
    assert digest.visible_digest(json.loads(sent)) == tool.visible


def test_the_two_digests_separate_sight_from_wiring() -> None:
    """A new description changes `visible` only, a new path `wiring` only, a filter tag `wiring`."""

    def one(method: dict[str, Any], record: dict[str, Any]) -> Any:
        built = build(make_integration([make_method(**method)], [make_record(**record)]))
        return built.tools[0]

    base = one({}, {})
    told = one({}, {"description": "Does something else."})
    moved = one({"path": "/v2/contacts/{{args.id}}"}, {})
    tagged = one({"tags": ("x",)}, {})
    assert (told.visible != base.visible, told.wiring == base.wiring) == (True, True)
    mapped = one({"content": (ContentBlock("text", "body"),)}, {})
    streamed = one({"stream": "sse", "progress": "body"}, {})
    needing = one({"requires_client_capabilities": ("sampling",)}, {})
    for changed in (moved, tagged, mapped, streamed, needing):
        assert (changed.visible == base.visible, changed.wiring != base.wiring) == (True, True)
    assert (
        len({digest.leaf(tool) for tool in (base, told, moved, tagged, mapped, streamed, needing)})
        == 7
    )


def test_all_four_hints_are_always_there() -> None:
    """No hint is left to a client's own default."""
    (tool,) = build(make_integration([make_method()], [make_record(title="Get it")])).tools
    assert visible_object(tool)["annotations"] == {
        "title": "Get it",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": True,
    }


def test_token_cost_grows_with_what_the_model_reads() -> None:
    """Four hundred more characters cost a hundred more tokens."""
    short, long = (
        token_cost(
            build(make_integration([make_method()], [make_record(description=text)])).tools[0]
        )
        for text in ("x" * 40, "x" * 440)
    )
    assert long - short == 100
