"""Blocks on the wire, in each revision's words."""

import base64
from typing import Any

import msgspec
import pytest
from tests.support.calling import MODERN, World, legacy, legacy_headers, modern, modern_headers

from mcpassport.limits import LEGACY_REVISIONS
from mcpassport.records.calls import Block, Outcome

GET = "get_single_notes_note_by_id"
DATA = b"\x00\xff"
B64 = base64.b64encode(DATA).decode()
URI = "mcpassport://tool/1"
BLOCKS = (
    Block(kind="text", text='a"\u2028\x00é'),
    Block(kind="image", data=DATA, mime_type="image/png", uri=URI),
    Block(kind="audio", data=DATA, mime_type="audio/wav", uri=URI),
    Block(kind="resource", data=DATA, mime_type="application/pdf", uri=URI),
    Block(kind="resource", text="a;b", mime_type="text/csv", uri="crm://x"),
)
SOUND = {"type": "audio", "data": B64, "mimeType": "audio/wav"}
SOUND_AS_RESOURCE = {
    "type": "resource",
    "resource": {"uri": URI, "mimeType": "audio/wav", "blob": B64},
}


async def result_of(world: World, revision: str) -> dict[str, Any]:
    params = {"name": GET, "arguments": {"id": "1"}}
    if revision == MODERN:
        sent = modern("tools/call", params), modern_headers("tools/call", GET)
    else:
        sent = legacy("tools/call", params), legacy_headers(revision)
    status, _, answer = await world.post(*sent)
    assert status == 200
    result: dict[str, Any] = msgspec.json.decode(answer)["result"]
    return result


@pytest.mark.parametrize("revision", [*LEGACY_REVISIONS, MODERN])
async def test_each_block_is_what_the_revision_knows(world: World, revision: str) -> None:
    """All kinds since 2025-03-26; before it a sound is an embedded resource."""
    world.upstream.outcome = Outcome(content=BLOCKS, sent=True)
    result = await result_of(world, revision)
    assert result["content"] == [
        {"type": "text", "text": 'a"\u2028\x00é'},
        {"type": "image", "data": B64, "mimeType": "image/png"},
        SOUND_AS_RESOURCE if revision == "2024-11-05" else SOUND,
        {
            "type": "resource",
            "resource": {"uri": URI, "mimeType": "application/pdf", "blob": B64},
        },
        {"type": "resource", "resource": {"uri": "crm://x", "mimeType": "text/csv", "text": "a;b"}},
    ]
    assert "structuredContent" not in result
    assert "isError" not in result
    assert (result.get("resultType") == "complete") == (revision == MODERN)


@pytest.mark.parametrize(
    ("revision", "value", "structured"),
    [
        ("2025-03-26", b'{"a":1}', False),
        ("2025-06-18", b'{"a":1}', True),
        ("2025-11-25", b"[1]", False),
        (MODERN, b"[1]", True),
    ],
)
async def test_a_value_beside_blocks_follows_the_rules_of_structured_content(
    world: World, revision: str, value: bytes, structured: bool
) -> None:
    """Objects from 2025-06-18 on, any value in the modern era; the blocks are all the content."""
    world.upstream.outcome = Outcome(value=value, content=BLOCKS[:1], notes=("n",), sent=True)
    result = await result_of(world, revision)
    assert len(result["content"]) == 1
    assert ("structuredContent" in result) == structured
    assert result["_meta"]["mcpassport/notes"] == ["n"]


async def test_the_audit_counts_the_bytes_of_blocks(world: World) -> None:
    """`bytes_out` is what was carried, decoded."""
    world.upstream.outcome = Outcome(content=BLOCKS, sent=True)
    await result_of(world, MODERN)
    expected = sum(len(b.data or b"") + len((b.text or "").encode()) for b in BLOCKS)
    assert world.audit.written()[-1].bytes_out == expected
