"""The composition root: paths to parts, and the command line's principal."""

from pathlib import Path
from typing import Any

from tests.support.asgi import request
from tests.support.deployment import deployment

from mcpassport.app import command_line_app, utc_now
from mcpassport.records.masked import KeyMaterial
from mcpassport.settings import Settings
from mcpassport.stated import build_digest


def chosen(tmp_path: Path, **more: Any) -> Settings:
    return Settings(data_dir=tmp_path / "data", master_key=KeyMaterial(bytes(32)), **more)


async def test_paths_lead_to_their_parts(tmp_path: Path) -> None:
    """`/mcp/…` is the endpoint, `/reference…` the pages, everything else is managed."""
    async with deployment(tmp_path) as house:
        for path, part in (
            ("/mcp/x", {"error": {"type": "not_found"}}),
            ("/mcp", "no_such_object"),
            ("/mcpx", "no_such_object"),
            ("/referencex", "no_such_object"),
        ):
            document = (await house.send("GET", path)).json()
            assert part in (document, document.get("type")) or path == "/mcp/x"
        assert (await house.send("GET", "/reference", caller=None)).status == 200


async def test_the_command_line_is_an_admin_that_no_header_can_be(tmp_path: Path) -> None:
    """In process the principal is `cli:<os user>`, whatever token is sent along."""
    async with command_line_app(chosen(tmp_path)) as app:
        body = b'{"name":"Acme","id":"acme"}'
        headers = {"content-type": "application/json", "authorization": "Bearer nonsense"}
        made = await request(app, "/tenant", headers=headers, body=body)
        rows = await request(app, "/audit", method="GET", query="tenant=acme")
        assert made is not None
        assert rows is not None
        assert made.status == 201
        assert rows.json()["result"][0]["principal"].startswith("cli:")
        # The endpoint for agents is no part of the command line.
        mcp = await request(app, "/mcp/x", headers=headers, body=b"{}")
        assert mcp is not None
        assert mcp.status == 404


def test_the_build_digest_stands_for_the_files() -> None:
    """It is stable, and 64 hexadecimal digits."""
    assert build_digest() == build_digest()
    assert len(bytes.fromhex(build_digest())) == 32


def test_the_clock_has_a_zone() -> None:
    """Times without a zone would compare wrongly."""
    assert utc_now().tzinfo is not None
