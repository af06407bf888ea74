"""Blocks and progress as the official SDKs read them, from a real server over the lab."""

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.conftest import Client
from tests.support.items import thing
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import Served, served

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("content"),
]

PROGRAM = Path(__file__).parents[1] / "support" / "sdk_progress.py"
B64 = base64.b64encode(b"\x00\xff").decode()
NDJSON = [["Content-Type", "application/x-ndjson"], ["Transfer-Encoding", "chunked"]]
STEPS = (
    b'{"done":1,"said":"one"}\n{"done":2,"said":"two"}\n'
    b'{"done":3,"said":"three","result":{"id":"x"}}\n'
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The upstream."""
    with running_lab() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Any:
    """A served deployment over it."""
    async with served(tmp_path_factory.mktemp("content"), lab, {}, {}) as made:
        yield made


async def call(client: Client, house: Served, tool: str, **arguments: Any) -> dict[str, Any]:
    """One call in a session of its own."""
    asked = {"url": house.address, "mode": client.mode, "tool": tool, "arguments": arguments}
    done = await asyncio.to_thread(
        subprocess.run,
        [str(client.python), str(PROGRAM)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def test_progress_is_heard_in_order(client: Client, house: Served, lab: Lab) -> None:
    """Three notifications, then the result, in one call."""
    lab.answers(rule("/*", STEPS, headers=NDJSON, fault={"kind": "paced", "seconds": 0.05}))
    answer = await call(client, house, thing("job"), text="go")
    assert answer["progress"] == [[1, 3, "one"], [2, 3, "two"], [3, 3, "three"]]
    assert answer["result"]["structuredContent"] == {"result": {"id": "x"}, "events": 3}
    assert not answer["result"].get("isError")


async def test_every_kind_of_block_is_read(client: Client, house: Served, lab: Lab) -> None:
    """Text, picture, sound and resource keep kind, media type, address and bytes."""
    body = {"title": "A card", "picture": B64, "sound": B64, "text": "# Card"}
    lab.answers(rule("/*", json=body))
    answer = await call(client, house, thing("card"), number="7/ü")
    text, image, audio, resource = answer["result"]["content"]
    assert (text["type"], text["text"]) == ("text", "A card")
    for block, kind, media in ((image, "image", "image/png"), (audio, "audio", "audio/wav")):
        assert (block["type"], block["mimeType"], block["data"]) == (kind, media, B64)
    inner = resource["resource"]
    assert (inner["mimeType"], inner["text"]) == ("text/markdown", "# Card")
    assert inner["uri"] == "lab://cards/7%2F%C3%BC"


async def test_a_file_is_an_embedded_resource(client: Client, house: Served, lab: Lab) -> None:
    """What the integration gives no address has one of ours, which the SDKs accept."""
    lab.answers(rule("/*", b"%PDF\x00\xff", headers=[["Content-Type", "application/pdf"]]))
    answer = await call(client, house, "get_single_lab_item_by_id", id="a/b ü")
    (block,) = answer["result"]["content"]
    assert base64.b64decode(block["resource"]["blob"]) == b"%PDF\x00\xff"
    assert block["resource"]["mimeType"] == "application/pdf"
    assert block["resource"]["uri"] == "mcpassport://get_single_lab_item_by_id/a%2Fb%20%C3%BC"
