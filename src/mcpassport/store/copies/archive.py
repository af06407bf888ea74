"""The file of a backup: a tar with `manifest.json` first, then the SQLite files that it names.

Whatever engine a deployment uses, its backups hold SQLite files, so any of them restores to any
engine. The records and the audit go into one, the keys (each still wrapped by the master key) into
another, so that neither opens anything by itself.
"""

import hashlib
import io
import os
import tarfile
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias

import msgspec

from mcpassport.store.copies.layout import DATA, KEYS, Part
from mcpassport.store.trouble import data_folder_error, os_data_folder_error

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
Kind: TypeAlias = Literal["data", "keys"]
CONTENTS: Final[dict[Kind, tuple[Part, ...]]] = {"data": DATA, "keys": KEYS}
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
    kind: Kind
    version: str
    taken_at: datetime
    files: dict[str, Packed]


def packed(path: Path, schema: int) -> Packed:
    """What the manifest says of that file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Packed(digest, path.stat().st_size, schema)


def pack(work: Path, manifest: Manifest, out: Path) -> None:
    """Write the archive, mode 0600; `OSError` if it exists or cannot be written."""
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


def read_manifest(path: Path, kind: Kind) -> Manifest:
    """The manifest of an archive of that kind, checked.

    Raises:
        DataFolderError: it is none, damaged, of the other kind, or a newer release wrote it.
    """
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
    parts = {part.file: part for part in CONTENTS[kind]}
    if manifest.kind != kind or manifest.files.keys() != parts.keys():
        raise data_folder_error(
            path, f"this is not a backup of the {kind}", "Data first, the keys with --keys."
        )
    for name, file in manifest.files.items():
        schema = parts[name].sqlite
        if file.schema > len(schema.steps) or manifest.format > FORMAT:
            raise data_folder_error(
                path,
                f"a newer release ({manifest.version}) wrote its {schema.holds} (schema "
                f"{file.schema}, this program knows {len(schema.steps)})",
                "Nothing was changed. Run that release or a later one.",
            )
    return manifest


def unpack(path: Path, manifest: Manifest, into: Path) -> None:
    """Write the files of an archive into a folder, mode 0600; `OSError` if that cannot be.

    Raises:
        DataFolderError: a file has not the digest of the manifest.
    """
    with tarfile.open(path, mode="r:") as archive:
        for name, file in manifest.files.items():
            try:
                held = archive.extractfile(name)
            except (KeyError, tarfile.TarError):
                held = None
            if held is None or _unpacked(held, into / name) != file.sha256:
                raise data_folder_error(path, f"its {name} is damaged", "Give an undamaged copy.")


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
