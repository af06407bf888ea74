"""What is wrong with the place where something is kept, and how to mend it."""

import errno
from pathlib import Path
from typing import Final

from mcpassport.errors import DataFolderError

FREE_SPACE: Final = "Free some space, then start again."
_OS_CAUSES: Final = {
    errno.ENOSPC: ("the disk is full", FREE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", FREE_SPACE),
    errno.EROFS: ("the file system is read-only", "Choose a data folder on a writable disk."),
    errno.EISDIR: ("a folder stands where a file belongs", "Move the folder away."),
    errno.ENOTDIR: ("a file stands where a folder belongs", "Choose another data folder."),
    errno.ENOENT: (
        "there is no such file, or no folder for it",
        "Choose another data folder, or correct the path.",
    ),
    errno.ENOLCK: ("this file system has no locks", "Choose a data folder on a local disk."),
}
_OS_OTHER: Final = (
    "this user cannot read and write here",
    "Choose another data folder, or give this one to the user that runs this program.",
)


def data_folder_error(place: Path | str, what: str, mend: str) -> DataFolderError:
    """What is wrong, where, and how to mend it, in one sentence each."""
    return DataFolderError(f"{place}: {what}. {mend}")


def os_data_folder_error(path: Path, error: OSError) -> DataFolderError:
    """The same for a failure of the operating system."""
    return data_folder_error(path, *_OS_CAUSES.get(error.errno or 0, _OS_OTHER))
