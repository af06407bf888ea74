"""A worker that is killed between the provider's answer and its own write: real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.connecting import VENDOR, connected_notes, written
from tests.support.lab import Lab, rule, running_lab
from tests.support.oidc import Client, Provider, running_provider

from mcpassport.cli.demo.processes import free_port, running

pytestmark = pytest.mark.slow

GET = legacy("tools/call", {"name": "get_single_notes_note_by_id", "arguments": {"id": "n1"}})
TTL_S = 4
PATIENCE_S = 60


class Stay(HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *_: Any) -> None:
        return None


def visit(request: Request) -> tuple[int, Any, bytes]:
    """Status, headers and body of one answer, whatever it is."""
    opener = build_opener(Stay, ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.status or 0, error.headers, error.read()


class House:
    """A deployment that serves, and its command line."""

    def __init__(self, config: Path, origin: str, process: "subprocess.Popen[bytes]") -> None:
        self.config = config
        self.origin = origin
        self.process = process

    def run(self, *arguments: object) -> Any:
        """One command; its JSON."""
        command = [sys.executable, "-m", "mcpassport", *map(str, arguments)]
        done = subprocess.run(
            [*command, "--config", str(self.config), "--json"], capture_output=True, check=True
        )
        return json.loads(done.stdout)

    def connect(self, provider: Provider) -> str:
        """Follow a new link to the provider and back; the account's id."""
        made = self.run("account", "link", "notes", "--tenant", "acme", "--name", "Ours")
        status, headers, _ = visit(Request(made["url"], data=b""))
        assert status == 303
        cookie = re.match(r"[^;]+", headers["Set-Cookie"])
        assert cookie is not None
        back = provider.authorize(headers["Location"])
        assert visit(Request(back, headers={"Cookie": cookie[0]}))[0] == 200
        return str(made["account"])

    def call(self, server: Any) -> str:
        """`ok`, the type of the call's error, or `lost` when nobody answered."""
        headers = {**legacy_headers(), "content-type": "application/json"}
        address = f"{self.origin}/mcp/{server['token']}"
        try:
            _, _, body = visit(Request(address, data=GET, headers=headers))
            result = json.loads(body)["result"]
        except (OSError, ValueError, KeyError):
            return "lost"
        if not result.get("isError"):
            return "ok"
        return str(result["_meta"]["mcpassport/error"]["type"])

    def kill_worker(self) -> None:
        """As a power switch would."""
        listed = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True
        )
        for worker in listed.stdout.split():
            os.kill(int(worker), signal.SIGKILL)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with running_lab() as found:
        found.answers(rule("*", json={"id": "n1", "title": "t"}))
        yield found


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def provider(port: int) -> Iterator[Provider]:
    back = f"http://127.0.0.1:{port}/connect/callback"
    with running_provider(Client(VENDOR.id, VENDOR.secret, redirects=(back,))) as found:
        found.set(scopes="read write notes.read notes.write", ttl=TTL_S)
        yield found


@pytest.fixture
def house(port: int, provider: Provider, lab: Lab, tmp_path: Path) -> Iterator[House]:
    home, origin = tmp_path / "home", f"http://127.0.0.1:{port}"
    config = home / "mcpassport.toml"
    program = [sys.executable, "-m", "mcpassport"]
    subprocess.run([*program, "init", home, "--public-url", origin], check=True)
    hosts = f'private_hosts = ["{provider.listing}", "{lab.listing}"]\n'
    config.write_text(hosts + config.read_text())
    serve = [*program, "serve", "--config", str(config), "--port", str(port)]
    with running(serve, tmp_path / "log", ready=(port, "/readyz")) as process:
        made = House(config, origin, process)
        made.run("tenant", "create", "Acme", "--id", "acme")
        content = connected_notes(provider, lab.origin)
        made.run("integration", "push", written(tmp_path / "notes", content))
        secret = tmp_path / "secret"
        secret.write_text(VENDOR.secret)
        app = ("--client-id", VENDOR.id, "--client-secret-file", secret)
        made.run("integration", "oauth-app", "notes", *app)
        yield made


def test_the_next_call_settles_what_became_of_the_account(house: House, provider: Provider) -> None:
    """The refresh token was spent and its successor lost: within one call the account says so.

    It is tried once, and never again.
    """
    account = house.connect(provider)
    server = house.run("server", "create", account, "--name", "agent")
    assert house.call(server) == "ok"
    time.sleep(TTL_S + 1)
    came: list[str] = []
    with provider.held("after"):
        calling = threading.Thread(target=lambda: came.append(house.call(server)))
        calling.start()
        provider.wait_until_held()
        house.kill_worker()
        calling.join(PATIENCE_S)
    assert came == ["lost"]
    deadline = time.monotonic() + PATIENCE_S
    while (next_call := house.call(server)) == "lost":  # until another worker serves
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert next_call == "reauthorization_required"
    shown = house.run("account", "show", account)
    assert (shown["status"], shown["reason"]) == ("needs_reauth", "lost_rotation")
    before = provider.seen().arrived
    assert house.call(server) == "reauthorization_required"
    assert provider.seen().arrived == before
