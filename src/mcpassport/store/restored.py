"""The mark of a restored data folder: nothing is served from it before revocations are replayed."""

from pathlib import Path
from typing import Final

import msgspec

from mcpassport.store.revocations import Extent
from mcpassport.store.trouble import data_folder_error

MARK_FILE: Final = "restored.json"


class Mark(msgspec.Struct, frozen=True):
    """Which backup the folder holds."""

    taken_at: str
    log: Extent


def read_mark(folder: Path) -> Mark | None:
    """The mark of that data folder, or None where nothing awaits a replay.

    Raises:
        DataFolderError: there is one, and it cannot be read.
    """
    path = folder / MARK_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except (FileNotFoundError, NotADirectoryError):
        return None  # a folder that is none is told where its files are opened
    except (OSError, msgspec.MsgspecError):
        raise data_folder_error(
            path, "the mark of a restored backup cannot be read", "Restore the backup again."
        ) from None


def refuse_unreplayed(folder: Path) -> None:
    """`DataFolderError` while the folder is a restored backup whose revocations are not replayed.

    What was revoked after the backup would work again.
    """
    mark = read_mark(folder)
    if mark is not None:
        raise data_folder_error(
            folder,
            f"this is a backup of {mark.taken_at}; what was revoked since would work again",
            "Run `mcpassport store replay --revocations FILE` with the newest revocations.log, or "
            "`mcpassport store replay --accept-revived-grants`, which suspends every server.",
        )
