"""The restore drill, with the real commands: what was revoked after a backup stays dead."""

import asyncio
import json
import re
import shutil
import socket
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers
from tests.support.commands import Shell
from tests.support.postgres import postgres_url

from mcpassport.app import open_application, open_services
from mcpassport.settings import load
from mcpassport.store import STORES


def ask(config: Path, *tokens: str) -> list[Response]:
    """What the served app answers to `tools/list` with each token."""

    async def asked() -> list[Response]:
        async with open_services(load(config, {})) as services, open_application(services) as app:
            headers = {"content-type": "application/json", **legacy_headers()}
            body = legacy("tools/list")
            found = [
                await request(app, f"/mcp/{token}", headers=headers, body=body) for token in tokens
            ]
            return [answer for answer in found if answer is not None]

    return asyncio.run(asked())


def manage(config: Path, *tokens: str) -> list[int]:
    """What the management API answers to each API token."""

    async def asked() -> list[int]:
        async with open_services(load(config, {})) as services, open_application(services) as app:
            found = [
                await request(
                    app, "/api-token", method="GET", headers={"authorization": f"Bearer {token}"}
                )
                for token in tokens
            ]
            return [answer.status for answer in found if answer is not None]

    return asyncio.run(asked())


def chains(shell: Shell, tenant: str) -> list[dict[str, Any]]:
    """Whether the exported chain of a tenant is whole, from its file alone."""
    assert shell.config is not None
    file = shell.config.with_name("exported.ndjson")
    shell.ok("audit", "export", "--tenant", tenant, "--out", file)
    verify = Shell(shell.capsys)
    return [verify.json("audit", "verify", file)]


class Drill(NamedTuple):
    """A deployment that went on after its backup, and the backup restored beside it."""

    old: Path
    new: Path
    servers: Mapping[str, Any]
    token: Mapping[str, Any]
    api_tokens: Mapping[str, str]
    """By role, those that the backup holds as active."""

    @property
    def log(self) -> Path:
        return self.old.with_name("data") / "revocations.log"

    def tokens(self, *names: str) -> list[str]:
        return [self.servers[name]["token"] for name in names]


def named(config: Path, url: str) -> None:
    """Let the deployment keep everything at that URL."""
    config.write_text(f'store_url = "{url}"\n{config.read_text()}')


@pytest.fixture
def drill(request: pytest.FixtureRequest, shell: Shell, account: str, tmp_path: Path) -> Drill:
    """A server and an API token are revoked and an account is deleted after the backup.

    The engines of the deployment and of the restored one are parameters: SQLite unless given.
    """
    engine, restored = getattr(request, "param", ("sqlite", "sqlite"))
    assert shell.config is not None
    old = shell.config
    if engine == "postgresql":
        url = postgres_url(tmp_path / "old")
        shell.ok("store", "migrate", "--to", url)
        for file in ("data.db", "audit.db", "keys.db"):
            (old.with_name("data") / file).unlink()
        named(old, url)
    credential = old.with_name("credential.json")
    shell.ok("token", "create", "--role", "admin", "--name", "revoked before")
    before = shell.json("token", "list")[0]["id"]
    shell.ok("token", "revoke", before, "--yes")
    other = shell.json(
        *("account", "create", "notes", "--tenant", "acme", "--name", "Other"),
        *("--kind", "bearer", "--credential-file", credential),
    )["id"]
    homes = {"kept": account, "revoked": account, "of the account": other}
    servers = {
        name: shell.json("server", "create", home, "--name", "agent")
        for name, home in homes.items()
    }
    token = shell.json("token", "create", "--role", "auditor", "--name", "Ann")
    api_tokens = {
        role: shell.json("token", "create", "--role", role, "--name", role, *of)["token"]
        for role, of in (("admin", ()), ("tenant", ("--tenant", "acme")))
    }
    shell.ok("store", "backup", "--out", tmp_path / "data.backup")
    shell.ok("store", "backup-keys", "--out", tmp_path / "keys.backup")
    shell.ok("server", "revoke", account, servers["revoked"]["id"], "--yes")
    shell.ok("token", "revoke", token["id"], "--yes")
    shell.ok("account", "delete", other, "--yes")
    new = tmp_path / "restored" / "mcpassport.toml"
    new.parent.mkdir()
    shutil.copy2(old.with_name("master.key"), new.with_name("master.key"))
    text = old.read_text().splitlines(keepends=True)
    new.write_text("".join(line for line in text if not line.startswith("store_url")))
    shell.config = new
    where: tuple[object, ...] = ("--into", new.with_name("data"))
    if restored == "postgresql":
        where = ()
        named(new, postgres_url(tmp_path / "new"))
    keys = tmp_path / "keys.backup"
    shell.ok("store", "restore", tmp_path / "data.backup", "--keys", keys, *where)
    return Drill(old, new, servers, token, api_tokens)


def test_a_restored_deployment_does_not_serve_before_the_replay(shell: Shell, drill: Drill) -> None:
    """`serve` says what to do, and so does the app that a worker opens."""
    said = shell.refused(2, "serve", "--port", "0")
    assert "what was revoked since would work again" in said
    assert "store replay --revocations" in said
    with pytest.raises(Exception, match="store replay"):
        ask(drill.new)


def engines(*pairs: tuple[str, str]) -> pytest.MarkDecorator:
    """The drill from one engine to another."""
    named = [pytest.param(pair, id=" to ".join(pair)) for pair in pairs]
    return pytest.mark.parametrize("drill", named, indirect=True)


@engines(*product(STORES, STORES))
def test_what_was_revoked_after_the_backup_stays_dead(shell: Shell, drill: Drill) -> None:
    """It serves only after the replay; then a dead token is a stranger's 404, others go on."""
    assert "what was revoked since would work again" in shell.refused(2, "serve", "--port", "0")
    assert shell.json("store", "replay", "--revocations", drill.log) == {"replayed": 4}
    stranger, kept, revoked, along = ask(
        drill.new, "x", *drill.tokens("kept", "revoked", "of the account")
    )
    assert (stranger.status, kept.status) == (404, 200)
    assert (revoked, along) == (stranger, stranger)
    assert len(shell.json("account", "list", "--tenant", "acme")) == 1
    listed = {token["id"]: token["status"] for token in shell.json("token", "list")}
    assert listed[drill.token["id"]] == "revoked"
    actions = [row.get("action") for row in shell.json("audit", "list", "--tenant", "acme")]
    assert {"server.revoke", "account.delete"} <= set(actions)
    own = (drill.new.with_name("data") / "revocations.log").read_bytes().splitlines()
    assert set(drill.log.read_bytes().splitlines()) <= set(own)
    assert [chain["whole"] for chain in chains(shell, "acme")] == [True]
    assert "awaits a replay" in shell.refused(2, "store", "replay", "--revocations", drill.log)


@engines(("sqlite", "sqlite"), ("sqlite", "postgresql"))
def test_without_a_log_every_grant_is_ended(shell: Shell, drill: Drill) -> None:
    """Servers stand still until they are resumed; API tokens of every role are dead for good.

    One new admin token lets the operator in, and is shown this once.
    """
    assert "add --yes" in shell.refused(2, "store", "replay", "--accept-revived-grants")
    listed = shell.json("token", "list")
    before = {token["id"] for token in listed if token["status"] == "active"}
    done = shell.json("store", "replay", "--accept-revived-grants", "--yes")
    assert (done["suspended_servers"], done["revoked_tokens"]) == (3, 4)
    names = ("kept", "revoked", "of the account")
    stranger, *suspended = ask(drill.new, "x", *drill.tokens(*names))
    assert suspended == [stranger] * 3
    kept = drill.servers["kept"]
    shell.ok("server", "resume", kept["account"], kept["id"])
    assert [answer.status for answer in ask(drill.new, *drill.tokens(*names))] == [200, 404, 404]
    secrets = [done["admin_token"], *drill.api_tokens.values()]
    assert manage(drill.new, *secrets) == [200] + [401] * len(drill.api_tokens)
    listed = shell.json("token", "list")
    active = [token["id"] for token in listed if token["status"] == "active"]
    assert len(active) == 1
    assert active[0] not in before
    assert done["admin_token"] not in json.dumps(listed)
    log = (drill.new.with_name("data") / "revocations.log").read_text()
    assert len(before) == 3
    assert all(token in log for token in before)
    assert "awaits a replay" in shell.refused(
        2, "store", "replay", "--accept-revived-grants", "--yes"
    )


@engines(("postgresql", "postgresql"))
def test_the_log_of_every_machine_is_needed(
    shell: Shell, drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a second machine over the same database revoked is in its log alone."""
    second, backup = tmp_path / "second", tmp_path / "later.backup"
    kept = drill.servers["kept"]
    old = Shell(shell.capsys, drill.old)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MCPASSPORT_DATA_DIR", str(second))
        old.ok("tenant", "list")
        old.ok("store", "backup", "--out", backup)
        old.ok("server", "revoke", kept["account"], kept["id"], "--yes")
    text = drill.new.read_text().splitlines(keepends=True)
    drill.new.write_text("".join(line for line in text if not line.startswith("store_url")))
    named(drill.new, postgres_url(tmp_path / "newer"))
    shell.ok("store", "restore", backup, "--keys", tmp_path / "keys.backup")
    logs = [drill.log, second / "revocations.log"]
    for log, missing in (logs, reversed(logs)):
        said = shell.refused(2, "store", "replay", "--revocations", log).replace("\n", " ")
        assert f"Missing: {socket.gethostname()} (log " in said
        named_log = sha256(missing.read_bytes().splitlines()[0]).hexdigest()[:32]
        assert named_log in said
    assert "knew no revocation log" in shell.refused(
        2, "store", "replay", "--revocations", drill.log, "--without", "none"
    )
    both = [word for log in logs for word in ("--revocations", log)]
    assert shell.json("store", "replay", *both) == {"replayed": 5}
    stranger, dead = ask(drill.new, "x", *drill.tokens("kept"))
    assert dead == stranger


@engines(("postgresql", "sqlite"))
def test_a_machine_that_ended_before_the_backup_is_left_out(
    shell: Shell, drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the id that the refusal names; the next backup knows of it no more."""
    old, backup = Shell(shell.capsys, drill.old), tmp_path / "later.backup"
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MCPASSPORT_DATA_DIR", str(tmp_path / "gone"))
        old.ok("tenant", "list")
    old.ok("store", "backup", "--out", backup)
    shutil.rmtree(tmp_path / "gone")
    shutil.rmtree(drill.new.with_name("data"))
    keys = tmp_path / "keys.backup"
    shell.ok("store", "restore", backup, "--keys", keys, "--into", drill.new.with_name("data"))
    said = shell.refused(2, "store", "replay", "--revocations", drill.log)
    (log,) = re.findall(r"\(log ([0-9a-f]{32})\)", said)
    shell.ok("store", "replay", "--revocations", drill.log, "--without", log)
    again, third = tmp_path / "again.backup", drill.new.with_name("third")
    shell.ok("store", "backup", "--out", again)
    shell.ok("store", "restore", again, "--keys", keys, "--into", third)
    monkeypatch.setenv("MCPASSPORT_DATA_DIR", str(third))
    own = drill.new.with_name("data") / "revocations.log"
    assert shell.json("store", "replay", "--revocations", own)["replayed"] >= 4


def test_only_the_log_of_that_deployment_is_replayed(
    shell: Shell, drill: Drill, tmp_path: Path
) -> None:
    """An empty, a shortened, a damaged and a foreign log are refused, and nothing is served."""
    content = drill.log.read_bytes()
    first, _, rest = content.partition(b"\n")
    server = next(line for line in rest.splitlines() if b'"server"' in line)
    strange = content + server.replace(b'"server"', b'"moon"') + b"\n"
    for text, said in (
        (b"", "does not continue"),
        (first + b"\n", "does not continue"),
        (rest + b"{}\n", "line 5 is not a revocation"),
        (strange, "which this release cannot replay"),
    ):
        log = tmp_path / "given.log"
        log.write_bytes(text)
        assert said in shell.refused(2, "store", "replay", "--revocations", log).replace("\n", " ")
    assert "Give one of" in shell.refused(2, "store", "replay")
    assert "store replay" in shell.refused(2, "serve", "--port", "0")


def test_a_restore_replaces_nothing_and_checks_what_it_unpacks(
    shell: Shell, drill: Drill, tmp_path: Path
) -> None:
    """A folder in use, a damaged, a mixed-up, a newer and a half backup are refused plainly."""
    data, keys, into = (tmp_path / name for name in ("data.backup", "keys.backup", "into"))
    assert "not empty" in shell.refused(
        2, "store", "restore", data, "--into", drill.new.with_name("data")
    )
    assert "a file is here already" in shell.refused(2, "store", "backup", "--out", data)
    assert "not a backup of the data" in shell.refused(2, "store", "restore", keys, "--into", into)
    assert "not a backup" in shell.refused(2, "store", "restore", drill.old, "--into", into)
    newer = tmp_path / "newer.backup"
    newer.write_bytes(data.read_bytes().replace(b'"schema":1', b'"schema":9', 1))
    assert "a newer release" in shell.refused(2, "store", "restore", newer, "--into", into)
    assert not into.exists()
    damaged = tmp_path / "damaged.backup"
    content = bytearray(data.read_bytes())
    content[20_000] ^= 1
    damaged.write_bytes(content)
    assert "is damaged" in shell.refused(2, "store", "restore", damaged, "--into", into)
    half = drill.new.with_name("half")
    shell.ok("store", "restore", data, "--into", half)
    with ExitStack() as stack:
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        monkeypatch.setenv("MCPASSPORT_DATA_DIR", str(half))
        assert "the keys of these records are missing" in shell.refused(
            2, "server", "list", drill.servers["kept"]["account"]
        )


def test_the_data_backup_holds_no_keys_and_nobody_else_reads_it(
    drill: Drill, tmp_path: Path
) -> None:
    """Records and audit in one file, keys in the other, both for the owner only."""
    for name, files in (
        ("data.backup", ["manifest.json", "data.db", "audit.db"]),
        ("keys.backup", ["manifest.json", "keys.db"]),
    ):
        with tarfile.open(tmp_path / name) as archive:
            assert archive.getnames() == files
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    restored = drill.new.with_name("data")
    assert {path.stat().st_mode & 0o777 for path in restored.iterdir()} == {0o600}
