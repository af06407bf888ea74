"""Digests: what the model sees, how a call is wired, and the Merkle tree over both.

The tree is that of RFC 9162 section 2.1: `SHA-256(0x00 || data)` for a leaf,
`SHA-256(0x01 || left || right)` for a node, `SHA-256()` for the empty tree. The data of a leaf is
`visible || wiring`, 64 bytes. Leaves stand in tool-name order.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import rfc8785

from mcpassport.catalog.present import VISIBLE_MEMBERS, visible_object
from mcpassport.records.tool import Tool

_LEAF = b"\x00"
_NODE = b"\x01"


def canonical(value: Any) -> bytes:
    """RFC 8785 JSON of a value.

    Raises `ValueError` for what that format cannot carry exactly: integers beyond ±(2^53−1), NaN,
    infinities, lone surrogates, keys that are not text.
    """
    return rfc8785.dumps(value)


def visible_digest(listed: Mapping[str, Any]) -> bytes:
    """`visible` of an entry of `tools/list`, so that a reader can recompute it from the answer."""
    members = {name: listed[name] for name in VISIBLE_MEMBERS if name in listed}
    return hashlib.sha256(canonical(members)).digest()


def visible(tool: Tool) -> bytes:
    """SHA-256 over what the model sees of that tool."""
    return visible_digest(visible_object(tool))


def wiring(tool: Tool) -> bytes:
    """SHA-256 over how a call of that tool is made.

    The method's whole effective entry (authorization, base URL pattern and allowed hosts are
    members of it; credentials occur in it only as `{{credentials.<field>}}`), the tags that filters
    see, the routing of arguments, and the output schema.
    """
    wired = {
        "method": msgspec.to_builtins(tool.method),
        "tags": list(tool.tags),
        "scopes": list(tool.scopes),
        "routes": [[route.property, route.part, route.name] for route in tool.routes],
        "outputSchema": tool.output_schema,
    }
    return hashlib.sha256(canonical(wired)).digest()


def leaf(tool: Tool) -> bytes:
    """The leaf hash of a tool: both digests under one hash."""
    return hashlib.sha256(_LEAF + tool.visible + tool.wiring).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes (RFC 9162, 2.1.1)."""
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        # Pairing neighbours and carrying an odd one up gives the same tree as the RFC's split at
        # the largest power of two below the size.
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf, lowest first (RFC 9162, 2.1.3.1); `IndexError` if there is none.

    For all leaves of a tree `inclusion_paths` is cheaper.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        if (sibling := index ^ 1) < len(level):
            path.append(level[sibling])
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
        index //= 2
    return path


def inclusion_paths(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The audit path of every leaf, each tree level hashed once."""
    paths: list[list[bytes]] = [[] for _ in leaves]
    level = list(leaves)
    width = 1
    while len(level) > 1:
        for index, path in enumerate(paths):
            if (sibling := (index // width) ^ 1) < len(level):
                path.append(level[sibling])
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
        width *= 2
    return paths


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> bool:
    """Whether the leaf stands at that index of the tree with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, reached = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            reached = _node(sibling, reached)
            while not position % 2 and position:
                position //= 2
                last //= 2
        else:
            reached = _node(reached, sibling)
        position //= 2
        last //= 2
    return last == 0 and reached == expected


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
