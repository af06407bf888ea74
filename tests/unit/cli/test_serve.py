"""`serve` and the commands that talk to it: a real process on a free port."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.commands import Shell, copied
from tests.support.deployment import CREDENTIAL, NOTES

START_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, method: str, path: str, **sent: Any) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, sent.get("body"), sent.get("headers", {}))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def command(config: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "mcpassport", "serve", "--config", str(config), *more]


@contextmanager
def serving(config: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`mcpassport serve` on a free port, interrupted at the end."""
    port = free_port()
    process = subprocess.Popen(
        command(config, "--port", str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < deadline
            try:
                answer(port, "GET", "/version")
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield port, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=START_S)


def test_a_running_deployment_does_what_its_commands_say(
    template: Path, tmp_path: Path, bare: Shell
) -> None:
    """Over --url and a token file: push, connect, serve a tool list, revoke; then a clean end."""
    config = copied(template, tmp_path)
    local = ("--config", config)
    made = bare.json("token", "create", "--role", "admin", "--name", "remote", *local)
    token_file = tmp_path / "token"
    token_file.write_text(made["token"] + "\n")
    with serving(config) as (port, process):
        remote = ("--url", f"http://127.0.0.1:{port}/", "--token-file", token_file)
        bare.ok("integration", "push", NOTES, *remote)
        bare.ok("tenant", "create", "Acme", "--id", "acme", *remote)
        account = bare.json(
            *("account", "create", "notes", "--tenant", "acme", "--name", "N"),
            *("--kind", "bearer", "--credential", f"token={CREDENTIAL}", *remote),
        )["id"]
        server = bare.json("server", "create", account, "--name", "agent", *remote)
        path = f"/mcp/{server['token']}"
        headers = legacy_headers() | {"content-type": "application/json"}
        sent = {"body": legacy("tools/list"), "headers": headers}
        status, body = answer(port, "POST", path, **sent)
        assert (status, len(json.loads(body)["result"]["tools"])) == (200, 6)
        # The same data folder, from a process beside the running one.
        bare.ok("server", "revoke", account, server["id"], "--yes", *local)
        assert answer(port, "POST", path, **sent)[0] == 404
        bare.ok("reference", "build", "notes", "--out", tmp_path / "site", *remote)
        rows = bare.json("audit", "list", "--tenant", "acme", *remote)
        assert {row["principal"].partition(":")[0] for row in rows if "principal" in row} == {
            *("cli", made["id"]),
        }
        bad = ("--url", f"http://127.0.0.1:{port}", "--token", "mcpp_api_wrong")
        assert "unauthorized" in bare.refused(1, "tenant", "list", *bad)
        assert "no_such_object" in bare.refused(1, "tenant", "show", "a/../b?c", *remote)
        bare.ok("token", "revoke", made["id"], "--yes", "--url", bad[1], "--token", made["token"])
        # A second one on the same port would take half of the requests, or none.
        second = subprocess.run(
            command(config, "--port", str(port)), capture_output=True, text=True, timeout=START_S,
            check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert "Address already in use" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=START_S)
        assert process.returncode == 0
        assert f"http://127.0.0.1:{port}/reference" in out
        assert "Traceback" not in out


def refused(config: Path, shell: Shell, *more: object) -> str:
    """What `serve` says when it cannot start: one line, exit code 2, no server made."""
    ran = shell("serve", "--config", config, "--port", free_port(), *more)
    assert ran.code == 2, ran
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1, ran.err
    return ran.err


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not come to starting one."""

    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr("mcpassport.cli.serve.Supervisor", started)


@pytest.mark.usefixtures("no_server")
def test_a_wrong_key_is_one_clear_error(template: Path, tmp_path: Path, bare: Shell) -> None:
    """Neither a stack nor a server that starts again and again."""
    config = copied(template, tmp_path)
    config.with_name("master.key").write_bytes(b64encode(secrets.token_bytes(32)))
    assert "another master key" in refused(config, bare)
    config.with_name("master.key").unlink()
    assert "no master key" in refused(config, bare)


@pytest.mark.usefixtures("no_server")
def test_a_data_folder_that_cannot_be_used_is_one_clear_error(
    template: Path, tmp_path: Path, bare: Shell
) -> None:
    """Missing above, a file in the way, a place that cannot be written."""
    config = copied(template, tmp_path)
    text = config.read_text()
    (tmp_path / "file").write_text("")
    for folder, says in (
        (tmp_path / "absent" / "data", "folder above does not exist"),
        (tmp_path / "file", "not a folder|file stands where"),
        (Path("/proc/self/data"), "/proc/self/data"),
        (Path("/dev/null/data"), "/dev/null/data"),
    ):
        config.write_text(text.replace('data_dir = "data"', f'data_dir = "{folder}"'))
        said = refused(config, bare)
        assert any(part in said for part in says.split("|")), said


def test_a_full_disk_is_one_clear_error(template: Path, tmp_path: Path) -> None:
    """The files cannot grow any further: told as such, with what to do."""
    config = copied(template, tmp_path)
    ran = subprocess.run(
        [
            *("bash", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@"', "limited"),
            *command(config, "--port", str(free_port())),
        ],
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.returncode == 2, ran
    assert "Traceback" not in ran.stderr
    assert "the disk is full or failing" in ran.stderr


@pytest.mark.usefixtures("no_server")
def test_bad_settings_and_a_bad_vendor_file_are_told_before_anything_starts(
    template: Path, tmp_path: Path, bare: Shell
) -> None:
    """Also what only the reference pages need."""
    config = copied(template, tmp_path)
    text = config.read_text()
    config.with_name("vendor.yaml").write_text("- no mapping\n")
    config.write_text(f'vendor_file = "vendor.yaml"\n{text}')
    ran = bare("serve", "--config", config)
    assert (ran.code, ran.out, "vendor.yaml cannot be read" in ran.err) == (2, "", True)
    config.write_text(f'nonsense = "x"\n{text}')
    ran = bare("serve", "--config", config)
    assert (ran.code, "no such setting" in ran.err) == (2, True)


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--host", "192.0.2.1"), "Cannot listen on 192.0.2.1"),
        (("--host", "no such host"), "Cannot listen on no such host"),
        (("--url", "http://127.0.0.1:1"), "leave --url out"),
    ],
)
def test_an_address_nobody_can_listen_on_is_told(
    more: tuple[str, ...], says: str, template: Path, tmp_path: Path, bare: Shell
) -> None:
    """Before a worker is started."""
    assert says in refused(copied(template, tmp_path), bare, *more)


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_is_none_is_told(port: str, shell: Shell) -> None:
    """Out of range."""
    assert shell("serve", "--port", port).code == 2
