"""Checks of Credential handling: what a stored credential is sealed with, and what opens it."""

import asyncio
import secrets
import sqlite3
import sys
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpassport.errors import DataFolderError
from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.routes import requests_for, routes
from mcpassport.evidence.scan import found_in, halves
from mcpassport.evidence.traces import run_of
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import DATA_FILE, folder_url, open_keystore
from mcpassport.store.keys import open_keys
from mcpassport.store.keystore import KEY_BYTES, KeyName, KeyStore
from mcpassport.store.master import load_master_key

OWNER_ONLY: Final = 0o600
READABLE: Final = 0o644
_SEALED: Final = "SELECT value FROM records WHERE kind = 'credential' AND id = ?"
_NONCE: Final = 12
_HEADER: Final = 5
"""Format and key version."""


async def sealed(bench: Bench, finding: Finding) -> None:
    """CRE-01. Control: with the right keys, taken apart by hand, the credential is there."""
    grant, other = await bench.grant(), await bench.grant()
    with closing(sqlite3.connect(bench.sandbox.data / DATA_FILE)) as data:
        (stored,) = data.execute(_SEALED, (grant.account,)).fetchone()
    bound = msgspec.json.encode(["credential", grant.tenant, grant.account])
    store = open_keystore(folder_url(bench.sandbox.data))
    master = bench.sandbox.master_key.unwrap()
    version = int.from_bytes(stored[1:_HEADER], "big")
    key = await _unwrapped(store, master, KeyName("tenant", grant.tenant, version))
    foreign = await _unwrapped(store, master, KeyName("tenant", other.tenant))
    finding.expect(bool(key and foreign), "data keys are wrapped by the master key")
    wrong = await _unwrapped(store, bytes(KEY_BYTES), KeyName("tenant", grant.tenant, version))
    finding.expect(not wrong, "another master key unwraps none")
    await store.close()
    opened = _opened(foreign, stored, bound)
    finding.expect(not opened, "the data key of another tenant opens nothing")
    with TemporaryDirectory(dir=bench.sandbox.folder) as name:
        folder = Path(name)
        told = await _files(folder)
        finding.expect(told == [True, False], "a key file that others may read is refused", told)
        said = await _diagnosed(folder)
    finding.expect(b"lies inside the data folder" in said, "doctor reports one in the data folder")
    finding.control = grant.credential.encode() in _opened(key, stored, bound)


async def _unwrapped(store: KeyStore, master: bytes, name: KeyName) -> bytes:
    """By hand: AES-256-GCM, with the name as associated data; empty if it does not open."""
    found = await store.read(name)
    wrapped = b"" if found is None or found.wrapped is None else found.wrapped
    nonce, rest = wrapped[1 : 1 + _NONCE], wrapped[1 + _NONCE :]
    try:
        named = b"mcpassport key " + msgspec.json.encode(name)
        return AESGCM(master).decrypt(nonce, rest, named)
    except (InvalidTag, ValueError):
        return b""


def _opened(key: bytes, stored: bytes, bound: bytes) -> bytes:
    nonce, rest = stored[_HEADER : _HEADER + _NONCE], stored[_HEADER + _NONCE :]
    try:
        return AESGCM(key).decrypt(nonce, rest, stored[:_HEADER] + bound)
    except (InvalidTag, ValueError):
        return b""


async def _files(folder: Path) -> list[bool]:
    """Whether a master key is taken from a file that only its owner may read, and from another."""
    taken: list[bool] = []
    for number, mode in enumerate((OWNER_ONLY, READABLE)):
        file = folder / f"{number}.key"
        file.write_bytes(b64encode(secrets.token_bytes(KEY_BYTES)))
        file.chmod(mode)
        try:
            load_master_key(file)
        except DataFolderError:
            taken.append(False)
        else:
            taken.append(True)
    return taken


async def _diagnosed(folder: Path) -> bytes:
    """What `doctor` says of a deployment whose master key lies in its data folder."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    key = data / "master.key"
    key.write_bytes(b64encode(secrets.token_bytes(KEY_BYTES)))
    key.chmod(OWNER_ONLY)
    config = folder / "mcpassport.toml"
    config.write_text(f'data_dir = "{data}"\nmaster_key_file = "{key}"\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcpassport", "doctor", "--json", "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    return said


async def unreadable(bench: Bench, finding: Finding) -> None:
    """CRE-05. Control: a credential that an answer did hold is found by the same search."""
    grant = await bench.grant()
    tokens = {role: await bench.api_token(role, grant.tenant) for role in ("tenant", "auditor")}
    ids = {
        "tenant_id": grant.tenant,
        "account_id": grant.account,
        "server_id": grant.server,
        "token_id": tokens["tenant"]["id"],
        "webhook_id": (await bench.webhook(grant.tenant))["id"],
    }
    wanted = list(halves(run_of(grant.credential)))
    told: list[str] = []
    asked = 0
    for route in await routes(bench):
        if route.method != "GET":
            continue
        for request in requests_for(route, ids):
            for token in ("", *(made["token"] for made in tokens.values())):
                answer = await bench.manage("GET", request.path, token=token)
                asked += 1
                if found_in(answer.body + repr(answer.headers).encode(), wanted):
                    told.append(request.path)
    finding.expect(not told, f"{asked} reads of every route, by every role: none holds it", told)
    store = open_keystore(folder_url(bench.sandbox.data))
    try:
        other = KeyMaterial(secrets.token_bytes(KEY_BYTES))
        clock = partial(datetime.now, UTC)
        await open_keys(store, other, clock=clock, random=secrets.token_bytes)
    except DataFolderError:
        finding.expect(True, "records and keys without the master key open nothing")
    else:
        finding.expect(False, "records and keys without the master key open nothing")
    finding.control = bool(found_in(f'{{"token":"{grant.credential}"}}'.encode(), wanted))
