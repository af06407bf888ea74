"""A folder of an integration, read: integration.yaml, docs/*.yaml, overlay.yaml, examples/*.yaml.

Every file is read inside the folder only: a symbolic link that leads out of it is refused.
"""

from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.marks import MarkedList, MarkedMap, Place
from mcpassport.integrations.yaml_text import read_yaml
from mcpassport.records.findings import Finding

CONFIG_FILE: Final = "integration.yaml"
OVERLAY_FILE: Final = "overlay.yaml"
DOCS_FOLDER: Final = "docs"
EXAMPLES_FOLDER: Final = "examples"
FILE_BYTES_MAX: Final = 8 * 2**20
FOLDER_BYTES_MAX: Final = 64 * 2**20

_SUFFIXES = (".yaml", ".yml")


class Source(Struct, frozen=True):
    """What the files hold, with places; None and empty where a file is absent or unusable."""

    config: MarkedMap | None
    documentation: MarkedList
    overlay: MarkedMap | None
    examples: MarkedList
    findings: tuple[Finding, ...]


def read_folder(path: Path) -> Source:
    """Read a folder. `InvalidIntegration` when it, or its integration.yaml, does not exist."""
    if not path.is_dir():
        raise _missing(
            path.name,
            f"There is no folder '{path.name}'.",
            f"Name a folder that holds {CONFIG_FILE}.",
        )
    if not (path / CONFIG_FILE).exists():
        raise _missing(
            CONFIG_FILE,
            f"The folder '{path.name}' holds no {CONFIG_FILE}.",
            f"Write {CONFIG_FILE}, or name the folder that holds it.",
        )
    reader = _Reader(path.resolve())
    return Source(
        config=reader.mapping(CONFIG_FILE),
        documentation=reader.lists(DOCS_FOLDER),
        overlay=reader.mapping(OVERLAY_FILE) if (path / OVERLAY_FILE).exists() else None,
        examples=reader.lists(EXAMPLES_FOLDER),
        findings=tuple(reader.findings),
    )


def _missing(where: str, message: str, mend: str) -> InvalidIntegration:
    return InvalidIntegration(
        f"{message} {mend}", problems=(Problem(where, "format", message, mend),)
    )


class _Reader:
    """Reads files below one root and collects what is wrong with them."""

    def __init__(self, root: Path) -> None:
        self.findings: list[Finding] = []
        self._root = root
        self._bytes = 0

    def mapping(self, file: str) -> MarkedMap | None:
        """The mapping a file holds."""
        value = self._document(file)
        if value is None or isinstance(value, MarkedMap):
            return value
        self._report(file, 1, "The file does not hold a mapping.", "Start it with 'key: value'.")
        return None

    def lists(self, folder: str) -> MarkedList:
        """The items of the lists in a folder's files, in file-name order."""
        items = MarkedList(Place(folder, 1))
        directory = self._root / folder
        if not directory.is_dir():
            return items
        for path in sorted(directory.iterdir()):
            if path.suffix in _SUFFIXES and not path.name.startswith("."):
                self._extend(items, f"{folder}/{path.name}")
        return items

    def _extend(self, items: MarkedList, file: str) -> None:
        value = self._document(file)
        if isinstance(value, MarkedList):
            for item, place in zip(value, value.items_at, strict=True):
                items.add(item, place)
        elif value is not None:
            self._report(
                file, 1, "The file does not hold a list.", "Start each of its entries with '- '."
            )

    def _document(self, file: str) -> Any:
        text = self._text(file)
        if text is None:
            return None
        value, findings = read_yaml(text, file)
        self.findings.extend(findings)
        return value

    def _text(self, file: str) -> str | None:
        path = (self._root / file).resolve()
        if not path.is_relative_to(self._root):
            self._report(
                file, 1, "The file is a link that leads out of the folder.", "Copy the file here."
            )
            return None
        if not path.is_file():
            self._report(file, 1, "This is not a regular file.", "Replace it by a YAML file.")
            return None
        return self._decoded(file, path)

    def _decoded(self, file: str, path: Path) -> str | None:
        try:
            with path.open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        except OSError:
            self._report(file, 1, "The file cannot be read.", "Check its permissions.")
            return None
        self._bytes += len(data)
        if len(data) > FILE_BYTES_MAX or self._bytes > FOLDER_BYTES_MAX:
            self._report(
                file,
                1,
                f"A file may hold {FILE_BYTES_MAX // 2**20} MiB, "
                f"and all of them {FOLDER_BYTES_MAX // 2**20} MiB.",
                "Split the file, or describe fewer methods.",
            )
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._report(file, line, "The file is not UTF-8 text.", "Save it as UTF-8.")
            return None

    def _report(self, file: str, line: int, message: str, mend: str) -> None:
        self.findings.append(Finding("error", "format", f"{file}:{line}", message, mend))
