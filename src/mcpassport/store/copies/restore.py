"""Restores: what a backup holds, into an empty place of any engine."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from mcpassport.store import folder_of, folder_url, open_store, scheme_of
from mcpassport.store.copies.archive import CONTENTS, Kind, Manifest, read_manifest, unpack
from mcpassport.store.copies.carry import Carry, Pair, refuse_busy
from mcpassport.store.copies.side import Dumped
from mcpassport.store.copies.sides import opened
from mcpassport.store.revocations import REVOCATIONS_FILE
from mcpassport.store.sqlite_open import connect
from mcpassport.store.trouble import data_folder_error, os_data_folder_error

_MAY_STAND: Final = frozenset({REVOCATIONS_FILE})
"""What does not make a data folder a used one: the log outlives the records."""


class Wanted(NamedTuple):
    """One archive, and the URL of the place that it belongs to."""

    kind: Kind
    archive: Path
    url: str


async def restore(wanted: Sequence[Wanted], now: datetime, told: Dumped) -> Manifest:
    """Unpack a data backup, and a key backup if one is given, into empty places.

    1. Every manifest is read and checked before anything is written, and every place is empty.
    2. Each file must have the digest of its manifest.
    3. Keys come before records: records without keys would be a deployment that opens nothing.

    The mark that keeps the restored deployment from serving is in the backup itself.

    Raises:
        DataFolderError: says what is wrong, where, and how to mend it.
    """
    manifests = {each.kind: read_manifest(each.archive, each.kind) for each in wanted}  # (1)
    for each in wanted:
        if scheme_of(each.url) == "sqlite":
            _refuse_used(folder_of(each.url))
    databases = [each for each in wanted if scheme_of(each.url) != "sqlite"]
    folders = [each for each in wanted if scheme_of(each.url) == "sqlite"]
    for each in folders:
        if each.kind == "keys":  # (3)
            _into_folder(each, manifests["keys"])
    if databases:
        await _into_databases(databases, manifests, now, told)
    for each in folders:
        if each.kind == "data":
            _into_folder(each, manifests["data"])
    return manifests["data"]


def _refuse_used(folder: Path) -> None:
    try:
        used = folder.exists() and (
            not folder.is_dir() or {path.name for path in folder.iterdir()} - _MAY_STAND
        )
    except OSError as error:
        raise os_data_folder_error(folder, error) from None
    if used:
        raise data_folder_error(
            folder, "the folder is not empty", "Restore into a new folder: nothing is replaced."
        )


def _into_folder(each: Wanted, manifest: Manifest) -> None:
    folder = folder_of(each.url)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".restore-") as work:
            unpack(each.archive, manifest, Path(work))  # (2)
            # The records last: without them a folder that is half restored is an empty deployment.
            for part in reversed(CONTENTS[each.kind]):
                (Path(work) / part.file).rename(folder / part.file)
    except OSError as error:
        raise os_data_folder_error(folder, error) from None


async def _into_databases(
    databases: Sequence[Wanted], manifests: Mapping[Kind, Manifest], now: datetime, told: Dumped
) -> None:
    async with AsyncExitStack() as stack:
        pairs = [
            await _pair(stack, each, manifests[each.kind])
            for each in sorted(databases, key=lambda each: each.kind, reverse=True)  # (3)
        ]
        for pair in pairs:
            await refuse_busy(pair.target)
        data = [each.url for each in databases if each.kind == "data"]
        store = open_store(data[0]) if data else None
        if store is not None:
            stack.push_async_callback(store.close)
        carry = Carry(pairs, store, _identity(manifests))
        await carry.begin(now)
        await carry.through(told)


async def _pair(stack: AsyncExitStack, each: Wanted, manifest: Manifest) -> Pair:
    beside = each.archive.absolute().parent
    work = tempfile.TemporaryDirectory(
        dir=beside if os.access(beside, os.W_OK) else None, prefix=".restore-"
    )
    folder = Path(stack.enter_context(work))
    parts = CONTENTS[each.kind]
    try:
        unpack(each.archive, manifest, folder)  # (2)
    except OSError as error:
        raise os_data_folder_error(folder, error) from None
    for part in parts:
        for connection in connect(folder / part.file, part.sqlite):  # an earlier release's too
            connection.close()
    source = await stack.enter_async_context(opened(folder_url(folder), parts, "read"))
    return Pair(source, await stack.enter_async_context(opened(each.url, parts, "write")))


def _identity(manifests: Mapping[Kind, Manifest]) -> str:
    manifest = manifests["data"]
    mark = next(iter(manifest.files.values())).sha256[:12]
    return f"the backup of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC ({mark})"
