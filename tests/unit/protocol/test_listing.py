"""What a server offers, in each variant of the list."""

import hashlib
from typing import Any

import msgspec
import pytest
from tests.support.calling import (
    World,
    caller,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)

from mcpassport.catalog.digest import root, verify_inclusion, visible_digest
from mcpassport.protocol.listing import Offers, Variant, fragment, instructions
from mcpassport.protocol.memo import Memo
from mcpassport.records.tool import Filter

GET = "get_single_notes_note_by_id"


async def listed(world: World, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    status, _, answer = await world.post(body, headers)
    assert status == 200
    result: dict[str, Any] = msgspec.json.decode(answer)["result"]
    return result


async def test_every_variant_shows_the_model_the_same(world: World) -> None:
    """Variants differ in `outputSchema` only, which the oldest revisions do not get."""
    lists = [
        await listed(world, legacy("tools/list"), legacy_headers(revision))
        for revision in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
    ]
    lists.append(await listed(world, modern("tools/list"), modern_headers("tools/list")))
    has_output = [["outputSchema" in tool for tool in found["tools"]] for found in lists]
    assert has_output == [[False] * 3] * 2 + [[False, False, True]] * 3
    for found in lists:
        for tool in found["tools"]:
            tool.pop("outputSchema", None)
        assert found["tools"] == lists[0]["tools"]


async def test_only_modern_lists_carry_cache_members(world: World) -> None:
    """A modern list is complete, private and not reusable; a legacy one says none of that."""
    found = await listed(world, modern("tools/list"), modern_headers("tools/list"))
    assert (found["resultType"], found["ttlMs"], found["cacheScope"]) == ("complete", 0, "private")
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "mcpassport/notes"
    found = await listed(world, legacy("tools/list"), legacy_headers())
    assert set(found) == {"tools", "_meta"}


async def test_digests_can_be_recomputed_from_the_list(world: World) -> None:
    """A reader recomputes `visible`, and proves each tool against the catalog root."""
    world.caller = caller(Filter(methods=("read",)))
    found = await listed(world, legacy("tools/list"), legacy_headers())
    catalog = bytes.fromhex(found["_meta"]["mcpassport/catalogDigest"])
    assert catalog == world.catalogs.only.digest
    leaves = []
    for tool in found["tools"]:
        proof = tool["_meta"]["mcpassport/digest"]
        assert visible_digest(tool).hex() == proof["visible"]
        both = bytes.fromhex(proof["visible"]) + bytes.fromhex(proof["wiring"])
        leaves.append(hashlib.sha256(b"\0" + both).digest())
        path = [bytes.fromhex(node) for node in proof["path"]]
        assert verify_inclusion(leaves[-1], proof["index"], proof["size"], path, catalog)
    assert root(leaves).hex() == found["_meta"]["mcpassport/surfaceDigest"]
    assert [tool["name"] for tool in found["tools"]] == [GET]


@pytest.mark.parametrize("cursor", ["", "abc", 5])
async def test_no_cursor_is_ours(world: World, cursor: Any) -> None:
    """The list has one page, so any cursor, also the empty one, is -32602."""
    _, _, answer = await world.post(legacy("tools/list", {"cursor": cursor}), legacy_headers())
    assert msgspec.json.decode(answer)["error"]["code"] == -32602
    body = legacy("tools/list", {}).replace(b"{}", b'{"cursor":1e999}')
    assert b"-32602" in (await world.post(body, legacy_headers()))[2]


def test_servers_with_different_surfaces_have_different_names(world: World) -> None:
    """Clients share caches by name and version, so the version names the surface."""
    offers = Offers("1.0.0")
    catalog = world.catalogs.only
    everything = offers.of(caller(), catalog)
    reading = offers.of(caller(Filter(methods=("read",))), catalog)
    assert everything.server_info["name"] == reading.server_info["name"] == "mcpassport/notes"
    assert everything.server_info["version"] != reading.server_info["version"]
    assert everything.server_info["version"].startswith("1.0.0+7.")


def test_an_offer_is_made_once(world: World) -> None:
    """Two requests for the same surface share one offer; another filter gets its own."""
    offers = Offers("1.0.0")
    catalog = world.catalogs.only
    assert offers.of(caller(), catalog) is offers.of(caller(), catalog)
    assert offers.of(caller(Filter(methods=("get",))), catalog) is not offers.of(caller(), catalog)


def test_methods_removed_for_the_account_are_not_offered(world: World) -> None:
    """An account override narrows the surface."""
    narrowed = caller()
    overrides = msgspec.structs.replace(
        narrowed.account.overrides, removed_methods=("notes.delete",)
    )
    account = msgspec.structs.replace(narrowed.account, overrides=overrides)
    offer = Offers("1").of(msgspec.structs.replace(narrowed, account=account), world.catalogs.only)
    assert "delete_a_notes_note_by_id" not in offer.tools
    assert len(offer.tools) == 2


@pytest.mark.parametrize("schema", [{"type": "array"}, True, {"anyOf": []}, {"type": ["object"]}])
def test_only_object_roots_reach_legacy_lists(world: World, schema: Any) -> None:
    """A legacy list with another root would be refused whole by its clients."""
    tool = msgspec.structs.replace(world.catalogs.only.tools[0], output_schema=schema)
    made = fragment(tool, [], (0, 1))
    assert b'"outputSchema"' in made[Variant.MODERN]
    assert b'"outputSchema"' not in made[Variant.STRUCTURED]
    assert made[Variant.STRUCTURED] is made[Variant.PLAIN]


def test_instructions_say_whether_anything_can_change(world: World) -> None:
    """The text tells the model how much there is, and whether it only reads."""
    offers = Offers("1")
    everything = offers.of(caller(), world.catalogs.only).surface
    reading = offers.of(caller(Filter(methods=("read",))), world.catalogs.only).surface
    assert instructions(everything) == (
        "3 tools for one connected Notes account. Some of them change data."
    )
    assert instructions(reading) == "1 tool for one connected Notes account. They only read."


def test_memo_keeps_what_was_used_last_within_its_bytes() -> None:
    """The least recently used goes first; the newest stays even when it is too large."""
    memo: Memo[str, int] = Memo(10)
    memo.put("a", 1, 4)
    memo.put("b", 2, 4)
    assert memo.get("a") == 1
    memo.put("c", 3, 4)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (1, None, 3)
    memo.put("a", 4, 1)
    assert (memo.get("a"), len(memo)) == (4, 2)
    memo.put("huge", 5, 99)
    assert (memo.get("huge"), len(memo)) == (5, 1)
