"""Checks of Credential handling: what a backup holds, and what it does not."""

import secrets
import tarfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mcpassport.errors import DataFolderError
from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import Finding
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import folder_url, open_keystore
from mcpassport.store.copies.archive import Kind
from mcpassport.store.copies.backup import take
from mcpassport.store.keys import open_keys
from mcpassport.store.keystore import KEY_BYTES

_MANY: Final = 10_000


async def keys_apart(bench: Bench, finding: Finding) -> None:
    """CRE-10. Control: the same search finds every key in the copy of the keys."""
    tenant = await bench.tenant()
    await bench.grant(tenant, await bench.account(tenant, bench.canary("credential")))
    url = folder_url(bench.sandbox.data)
    stored = open_keystore(url)
    wrapped = [key.wrapped for key in await stored.page(limit=_MANY) if key.wrapped]
    await stored.close()
    with TemporaryDirectory(dir=bench.sandbox.folder) as name:
        data, keys = [await _taken(url, kind, Path(name)) for kind in ("data", "keys")]
        finding.expect(
            _names(data) == ["manifest.json", "data.db", "audit.db"],
            "a backup holds records and audit rows",
        )
        content = data.read_bytes()
        finding.expect(
            not [key for key in wrapped if key in content],
            f"none of {len(wrapped)} keys is in it, not even wrapped",
        )
        finding.expect(
            not await _opens(keys, Path(name) / "unpacked"),
            "another master key opens nothing of the copy of the keys",
        )
        apart = keys.read_bytes()
        finding.control = bool(wrapped) and all(key in apart for key in wrapped)


async def _taken(url: str, kind: Kind, folder: Path) -> Path:
    out = folder / f"{kind}.backup"
    await take(url, kind, out, datetime.now(UTC), lambda *_: None)
    return out


def _names(archive: Path) -> list[str]:
    with tarfile.open(archive) as held:
        return held.getnames()


async def _opens(archive: Path, folder: Path) -> bool:
    """Whether a master key that is not the deployment's opens the keys of that copy."""
    with tarfile.open(archive) as held:
        held.extractall(folder, filter="data")
    other = KeyMaterial(secrets.token_bytes(KEY_BYTES))
    store = open_keystore(folder_url(folder))
    try:
        keys = await open_keys(
            store, other, clock=partial(datetime.now, UTC), random=secrets.token_bytes
        )
    except DataFolderError:
        return False
    await keys.close()
    return True
