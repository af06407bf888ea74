"""Client blocks: the real address, the form that each client asks for, and what ran them."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from mcpassport.reference.compose import compose
from mcpassport.reference.document import Code, Subheading
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.sections.clients import FORMAT, TRIED

ROOT = Path(__file__).parents[3]
URL = "https://mcp.acme.example/mcp/<token>"
CLIENTS = (
    "Claude (connector)",
    "Claude Desktop",
    "Claude Code",
    "ChatGPT",
    "Cursor",
    "VS Code",
    "LangGraph / LangChain",
    "OpenAI Agents SDK",
    "Python SDK",
    "TypeScript SDK",
    "curl",
)
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
LOCAL = {
    "type": "object",
    "required": ["command"],
    "additionalProperties": False,
    "properties": {
        "command": {"type": "string"},
        "args": {"type": "array", "items": {"type": "string"}},
        "env": TEXTS,
    },
}
REMOTE = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {"url": {"type": "string", "pattern": "^https?://"}, "headers": TEXTS},
}
TYPED = {
    **REMOTE,
    "required": ["type", "url"],
    "properties": {**REMOTE["properties"], "type": {"enum": ["http", "sse"]}},  # type: ignore[dict-item]
}
PROMPT = {
    "type": "object",
    "required": ["type", "id", "description"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "promptString"},
        "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "description": {"type": "string"},
        "password": {"type": "boolean"},
    },
}


def _servers(member: str, entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A file that holds entries by name, and nothing that its client does not know."""
    named = {"type": "object", "minProperties": 1, "patternProperties": {"^[A-Za-z0-9_-]+$": entry}}
    return {
        "type": "object",
        "required": [member],
        "additionalProperties": False,
        "properties": {member: {**named, "additionalProperties": False}, **more},
    }


FORMATS = {
    "claude_desktop_config.json": _servers("mcpServers", LOCAL),
    "~/.cursor/mcp.json": _servers("mcpServers", REMOTE),
    ".vscode/mcp.json": _servers("servers", TYPED, inputs={"type": "array", "items": PROMPT}),
}
"""The form of each file, as the documentation of its client has it."""


@pytest.fixture
def blocks(make_inputs: Callable[..., Inputs]) -> list[Code]:
    return _blocks(make_inputs())


def _blocks(inputs: Inputs) -> list[Code]:
    section = next(s for s in compose(inputs).sections if s.anchor == "client-configuration")
    return [node for node in section.nodes if isinstance(node, Code)]


def test_every_client_has_its_heading(make_inputs: Callable[..., Inputs]) -> None:
    """All that the design names, in its order."""
    document = compose(make_inputs())
    section = next(s for s in document.sections if s.anchor == "client-configuration")
    assert tuple(n.text for n in section.nodes if isinstance(n, Subheading)) == CLIENTS


def test_files_have_the_form_of_their_client(blocks: list[Code]) -> None:
    """Each JSON block is valid for its client: no entry mixes a command and a URL."""
    found = {block.title: json.loads(block.text) for block in blocks if block.language == "json"}
    assert set(found) == set(FORMATS)
    for title, content in found.items():
        jsonschema_rs.validator_for(FORMATS[title]).validate(content)


def test_the_form_is_no_formality() -> None:
    """The known mistake, `command` beside `url`, is refused for every client."""
    mixed = {"command": "npx", "url": URL, "type": "http"}
    for title, form in FORMATS.items():
        member = "servers" if "vscode" in title else "mcpServers"
        assert not jsonschema_rs.validator_for(form).is_valid({member: {"crm": mixed}})


def test_what_vs_code_asks_for_is_asked_once(blocks: list[Code]) -> None:
    """Each `${input:…}` has its prompt, and each prompt is used; the secret is hidden."""
    text = next(block.text for block in blocks if block.title == ".vscode/mcp.json")
    prompts = json.loads(text)["inputs"]
    assert set(re.findall(r"\$\{input:([^}]+)\}", text)) == {each["id"] for each in prompts}
    assert all(each["password"] for each in prompts)


def test_claude_code_is_told_in_words_that_it_takes(blocks: list[Code]) -> None:
    """`claude mcp add --transport http NAME URL`, each header as `Name: value`."""
    commands = [block.text for block in blocks if block.text.startswith("claude ")]
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))
        assert words[:5] == ["claude", "mcp", "add", "--transport", "http"]
        assert re.fullmatch(r"[A-Za-z0-9_-]+", words[5])
        assert words[6] == URL
        assert words[7::2] == ["--header"] * len(words[7::2])
        assert all(re.fullmatch(r"[A-Za-z-]+: \S.*", value) for value in words[8::2])


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


def test_another_address_changes_every_block(make_inputs: Callable[..., Inputs]) -> None:
    """Nothing of an example's host is left in any block."""
    facts = Facts(public_url="http://10.1.2.3:8443")
    for block in _blocks(make_inputs(facts=facts)):
        assert "http://10.1.2.3:8443/mcp/<token>" in block.text
        assert "acme.example" not in block.text


def test_a_block_says_what_ran_it_or_that_its_form_was_checked(blocks: list[Code]) -> None:
    """Never more than that; every row of the table is a block."""
    said = {block.title: block.tried for block in blocks}
    for title, tried in said.items():
        assert tried == (f"executed with {TRIED[title]}" if title in TRIED else FORMAT)
    assert set(TRIED) <= set(said)


def test_versions_that_are_named_are_the_locked_ones() -> None:
    """What the tests install is what the document says ran."""
    locks = [path.read_text() for path in (ROOT / "requirements").glob("*.lock")]
    packages = [
        json.loads(path.read_text())["dependencies"]
        for path in (ROOT / "tests" / "peers" / "node").glob("*/package.json")
    ]
    for said in TRIED.values():
        package, _, version = said.partition(" ")
        pinned = any(f"\n{package}=={version} " in f"\n{lock}" for lock in locks)
        assert not version or pinned or any(each.get(package) == version for each in packages), said
