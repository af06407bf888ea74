"""The published reference and the live servers say the same."""

import itertools
import json
import subprocess
import sys
import urllib.request
from importlib.resources import files
from typing import Any

import pytest
from tests.e2e.conftest import Live

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live")]

METHODS: list[list[str] | None] = [None, ["read"], ["write"], ["list"], ["create", "delete"]]
TAGS: list[list[str] | None] = [None, ["crm"], ["support"], ["crm", "support"]]
RESOURCES: list[list[str] | None] = [None, ["contacts"], ["tickets"]]
GROUPS = {"list": "read", "get": "read", "create": "write", "update": "write", "delete": "write"}


def reference_tools(live: Live) -> list[dict[str, Any]]:
    """Every tool node of reference.json."""
    with urllib.request.urlopen(f"{live.url}/reference/crm.json") as response:
        document = json.load(response)
    tools: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("node") == "tool":
                tools.append(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    return tools


def chosen(tool: dict[str, Any], methods: Any, tags: Any, resources: Any) -> bool:
    """The filter rule as the reference states it."""
    by_method = methods is None or tool["method"] in methods or tool["method_group"] in methods
    by_tag = tags is None or bool(set(tags) & set(tool["tags"]))
    return by_method and by_tag and (resources is None or tool["resource"] in resources)


def listed(url: str) -> list[str]:
    """Tool names of a plain `tools/list`."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return [tool["name"] for tool in json.load(response)["result"]["tools"]]


def test_every_filter_gives_the_tools_that_the_reference_gives_for_it(live: Live) -> None:
    """For each combination of methods, tags and resources the two lists are equal."""
    tools = reference_tools(live)
    assert len(tools) == 10
    tried = 0
    for methods, tags, resources in itertools.product(METHODS, TAGS, RESOURCES):
        expected = sorted(tool["name"] for tool in tools if chosen(tool, methods, tags, resources))
        if not expected:
            continue
        config = {"methods": methods, "tags": tags, "resources": resources}
        server = live.server("filter", **config)
        assert listed(server["url"]) == expected, config
        tried += 1
    assert tried > 30


def test_the_catalog_digest_of_the_reference_is_the_live_one(live: Live) -> None:
    """`/version`, `reference.json` and `tools/list` name the same catalog."""
    with urllib.request.urlopen(f"{live.url}/reference/crm.json") as response:
        printed = json.load(response)["catalog_digest"]
    with urllib.request.urlopen(f"{live.url}/version") as response:
        catalogs = json.load(response)["catalogs"]
    assert list(catalogs.values()) == [printed]


def test_a_buyer_recomputes_what_the_model_sees(live: Live) -> None:
    """The printed script, run against a live server, gives the digests of the reference."""
    sample = files("mcpassport.reference.samples").joinpath("visible.py").read_text("utf-8")
    url = live.server("recompute")["url"]
    command = [sys.executable, "-c", sample, url]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = [f"{tool['visible']} {tool['name']}" for tool in reference_tools(live)]
    assert ran.stdout.splitlines() == printed


@pytest.mark.parametrize("suffix", ["", ".md", ".json", ".schema.json", ".csv", ".llms.txt"])
def test_the_reference_is_served_to_anybody(live: Live, suffix: str) -> None:
    """The page is public and holds no secret of the deployment."""
    with urllib.request.urlopen(f"{live.url}/reference/crm{suffix}") as response:
        text = response.read().decode()
    assert ("Tenant isolation model" in text) == (suffix in {"", ".md", ".json"})
    assert not any(secret in text for secret in live.secrets)
