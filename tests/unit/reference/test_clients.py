"""Client blocks: they parse, they hold the real address, and none mixes two ways to connect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpassport.reference.compose import compose
from mcpassport.reference.document import Code
from mcpassport.reference.inputs import Inputs

URL = "https://mcp.acme.example/mcp/<token>"


@pytest.fixture
def blocks(make_inputs: Callable[..., Inputs]) -> list[Code]:
    document = compose(make_inputs())
    section = next(each for each in document.sections if each.anchor == "client-configuration")
    return [node for node in section.nodes if isinstance(node, Code)]


def _entries(block: Code) -> list[dict[str, Any]]:
    content = json.loads(block.text)
    return list((content.get("mcpServers") or content["servers"]).values())


def test_no_entry_mixes_a_command_and_a_url(blocks: list[Code]) -> None:
    """An entry starts a command or names a URL; both together is a known mistake."""
    found = [entry for block in blocks if block.language == "json" for entry in _entries(block)]
    assert len(found) == 3
    for entry in found:
        assert ("command" in entry) != ("url" in entry)


def test_python_blocks_compile(blocks: list[Code]) -> None:
    """Each Python block is valid Python."""
    sources = [block for block in blocks if block.language == "python"]
    assert len(sources) == 4
    for block in sources:
        compile(block.text, block.title, "exec")


def test_every_block_holds_the_published_address(blocks: list[Code]) -> None:
    """The URL is that of the deployment, in the shape that the endpoint serves."""
    for block in blocks:
        assert URL in block.text
        assert "{{" not in block.text


def test_no_block_claims_to_have_been_run(blocks: list[Code]) -> None:
    """This build executes no client, and each block says so."""
    assert {block.grade for block in blocks} == {"not verified"}
