"""Backups: consistent copies of the files of a running deployment, and their restore.

A backup is a tar file: `manifest.json` first, then the SQLite files it names. The records and the
audit go into one, the keys (each still wrapped by the master key) into another, so that neither
opens anything by itself.
"""

import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from mcpassport import __version__
from mcpassport.store import AUDIT_FILE, DATA_FILE, KEYS_FILE
from mcpassport.store.restored import MARK_FILE, Mark
from mcpassport.store.revocations import Extent, extent
from mcpassport.store.sqlite import _SCHEMA as DATA_SCHEMA
from mcpassport.store.sqlite_audit import _SCHEMA as AUDIT_SCHEMA
from mcpassport.store.sqlite_keys import _SCHEMA as KEYS_SCHEMA
from mcpassport.store.sqlite_open import Schema
from mcpassport.store.trouble import data_folder_error, os_data_folder_error

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
SCHEMAS: Final[dict[str, Schema]] = {
    DATA_FILE: DATA_SCHEMA,
    AUDIT_FILE: AUDIT_SCHEMA,
    KEYS_FILE: KEYS_SCHEMA,
}
# Records before audit: an event is in the outbox until it is in its chain, so it is in one of both.
CONTENTS: Final[dict[str, tuple[str, ...]]] = {
    "data": (DATA_FILE, AUDIT_FILE),
    "keys": (KEYS_FILE,),
}
_LONGEST_MANIFEST: Final = 2**20
_CHUNK: Final = 2**20


class Packed(msgspec.Struct, frozen=True):
    """One file of a backup."""

    sha256: str
    size: int
    schema: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int = FORMAT
    kind: Literal["data", "keys"]
    version: str
    taken_at: datetime
    files: dict[str, Packed]
    log: Extent
    """How far the revocation log reached when the copy began."""


def take(folder: Path, kind: Literal["data", "keys"], out: Path, now: datetime) -> Manifest:
    """Copy the files of a data folder, which may be in use, into a new file, mode 0600.

    Raises:
        DataFolderError: a file cannot be copied, or `out` exists or cannot be written.
    """
    reached = extent(folder)
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".backup-") as work:
            files = {name: _copy(folder / name, Path(work) / name) for name in CONTENTS[kind]}
            manifest = Manifest(
                kind=kind, version=__version__, taken_at=now, files=files, log=reached
            )
            _pack(Path(work), manifest, out)
    except FileExistsError:
        raise data_folder_error(
            out, "a file is here already", "Choose another name: a backup replaces nothing."
        ) from None
    except OSError as error:
        raise os_data_folder_error(out, error) from None
    return manifest


def _copy(source: Path, target: Path) -> Packed:
    if not source.is_file():
        raise data_folder_error(source, "there is no such file", "Name the deployment's settings.")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            (schema,) = copy.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error:
        raise data_folder_error(
            source, "SQLite cannot copy the file", "Check it with `mcpassport doctor`."
        ) from None
    return Packed(_digest(target), target.stat().st_size, int(schema))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(work: Path, manifest: Manifest, out: Path) -> None:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                text = msgspec.json.encode(manifest)
                about = tarfile.TarInfo(MANIFEST)
                about.size, about.mode = len(text), 0o600
                archive.addfile(about, io.BytesIO(text))
                for name in manifest.files:
                    archive.add(work / name, arcname=name)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        out.unlink(missing_ok=True)  # ours: O_EXCL made it above
        raise


def restore(archives: Sequence[Path], into: Path) -> Manifest:
    """Unpack a data backup, and a key backup if one is given, into an empty or new folder.

    1. Every manifest is read and checked before anything is written.
    2. The mark of a restored folder is written first, so that nothing is served from half of one.
    3. Each file must have the digest of its manifest.

    Raises:
        DataFolderError: says what is wrong, where, and how to mend it.
    """
    wanted: Sequence[str] = ("data", "keys")[: len(archives)]
    manifests = [
        _manifest(path, kind)
        for path, kind in zip(archives, wanted, strict=True)  # (1)
    ]
    data = manifests[0]
    try:
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise data_folder_error(
                into, "the folder is not empty", "Restore into a new folder: nothing is replaced."
            )
        into.mkdir(mode=0o700, exist_ok=True)
        mark = Mark(data.taken_at.isoformat(), data.log)
        _write(into / MARK_FILE, msgspec.json.encode(mark))  # (2)
        for path, manifest in zip(archives, manifests, strict=True):
            _unpack(path, manifest, into)
    except OSError as error:
        raise os_data_folder_error(into, error) from None
    return data


def _manifest(path: Path, kind: str) -> Manifest:
    try:
        with tarfile.open(path, mode="r:") as archive:
            first = archive.next()
            held = archive.extractfile(first) if first and first.name == MANIFEST else None
            text = held.read(_LONGEST_MANIFEST) if held else b""
        manifest = msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    except (tarfile.TarError, msgspec.MsgspecError):
        raise data_folder_error(path, "this is not a backup", "Give an undamaged copy.") from None
    if manifest.kind != kind or tuple(manifest.files) != CONTENTS[kind]:
        raise data_folder_error(
            path, f"this is not a backup of the {kind}", "Data first, the keys with --keys."
        )
    for name, packed in manifest.files.items():
        if packed.schema > len(SCHEMAS[name].steps) or manifest.format > FORMAT:
            raise data_folder_error(
                path,
                f"a newer release ({manifest.version}) wrote its {SCHEMAS[name].holds} (schema "
                f"{packed.schema}, this program knows {len(SCHEMAS[name].steps)})",
                "Nothing was changed. Run that release or a later one.",
            )
    return manifest


def _unpack(path: Path, manifest: Manifest, into: Path) -> None:
    with tarfile.open(path, mode="r:") as archive:
        for name, packed in manifest.files.items():
            try:
                held = archive.extractfile(name)
            except (KeyError, tarfile.TarError):
                held = None
            if held is None or _unpacked(held, into / name) != packed.sha256:  # (3)
                raise data_folder_error(
                    path, f"its {name} is damaged", "Give an undamaged copy, and an empty folder."
                )


def _unpacked(held: IO[bytes], target: Path) -> str:
    """Write it out; the digest of what was written."""
    total = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := held.read(_CHUNK):
            total.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(descriptor)
    return total.hexdigest()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
