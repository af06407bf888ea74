"""The master key: 32 bytes outside the data folder, which wrap every other key."""

import base64
import os
import stat
from contextlib import closing, suppress
from pathlib import Path

from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Random
from mcpassport.settings import Settings
from mcpassport.store.keystore import KEY_BYTES
from mcpassport.store.trouble import data_folder_error, os_data_folder_error


def load_master_key(path: Path) -> KeyMaterial:
    """The master key in that file: base64 of 32 bytes.

    Raises:
        DataFolderError: no such file, readable for others, or not a key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with closing(os.fdopen(descriptor, "rb")) as file:
            status = os.fstat(descriptor)
            text = file.read(1024) if stat.S_ISREG(status.st_mode) else b""
    except FileNotFoundError:
        raise data_folder_error(
            path, "there is no master key here", "Restore it, or correct the setting."
        ) from None
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    if status.st_mode & 0o077:
        raise data_folder_error(
            path, "others than the owner may read the master key", f"Run: chmod 600 {path}"
        )
    with suppress(ValueError):
        key = base64.b64decode(text.strip(), validate=True)
        if len(key) == KEY_BYTES:
            return KeyMaterial(key)
    raise data_folder_error(
        path,
        f"this is not a master key (base64 of {KEY_BYTES} bytes)",
        "Restore the file, or correct the setting.",
    )


def master_keys(settings: Settings) -> tuple[KeyMaterial, KeyMaterial | None]:
    """The master key, and the one before it where the settings name one.

    Raises:
        DataFolderError: a file of theirs is none.
    """
    master = settings.master_key or load_master_key(settings.master_key_file)
    previous, file = settings.previous_master_key, settings.previous_master_key_file
    if previous is None and file is not None:
        previous = load_master_key(file)
    return master, previous


def create_master_key(path: Path, random: Random) -> KeyMaterial:
    """A new master key in a new file, readable for the owner only; never overwrites.

    Raises:
        DataFolderError: something is there already, or the file cannot be written.
    """
    key = random(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise data_folder_error(
            path,
            "a file is here already, and a master key is never overwritten",
            "Use that key, or choose another path.",
        ) from None
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    try:
        with closing(os.fdopen(descriptor, "wb")) as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)  # ours: O_EXCL made it above
        raise os_data_folder_error(path, error) from None
    return KeyMaterial(key)
