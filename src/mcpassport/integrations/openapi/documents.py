"""The description's files: nodes that know where they stand, and `$ref`s followed on local files.

1. A `$ref` with a scheme or a host is never fetched; it is reported.
2. A file is opened only below the folder of the description, symbolic links resolved.
3. Files, bytes, depth and hops are bounded; a chain of `$ref`s that returns to itself is dangling.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.openapi.read import Unreadable, read_text
from mcpassport.integrations.openapi.report import Report

FILES_MAX: Final = 500
HOPS_MAX: Final = 30

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|\\\\")


class Node(NamedTuple):
    """A value and its place: a file, relative to the description's folder, and a JSON pointer."""

    value: Any
    file: str
    pointer: str

    @property
    def where(self) -> str:
        """The place as findings name it."""
        return f"{self.file}#{self.pointer}"

    @property
    def mapping(self) -> dict[str, Any]:
        """The value if it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    def child(self, key: str | int) -> "Node":
        """The member of that key or position; its value is None where there is none."""
        value: Any = None
        if isinstance(self.value, dict):
            value = self.value.get(str(key))
        elif isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            value = self.value[key]
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Node(value, self.file, f"{self.pointer}/{step}")

    def at(self, *keys: str | int) -> "Node":
        """The member found along those keys."""
        node = self
        for key in keys:
            node = node.child(key)
        return node

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """The members of a mapping."""
        for key in self.mapping:
            yield key, self.child(key)

    def items(self) -> Iterator["Node"]:
        """The items of a list."""
        if isinstance(self.value, list):
            for index in range(len(self.value)):
                yield self.child(index)

    def text(self, key: str) -> str:
        """The text member of that key, or an empty text."""
        value = self.mapping.get(key)
        return value if isinstance(value, str) else ""

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts in the list of that key."""
        value = self.mapping.get(key)
        return (
            tuple(item for item in value if isinstance(item, str))
            if isinstance(value, list)
            else ()
        )

    def flag(self, key: str) -> bool:
        """Whether the member of that key is true."""
        return self.mapping.get(key) is True


class Documents:
    """The main file and those it refers to, each read once."""

    def __init__(self, path: Path, report: Report) -> None:
        self._main = path.resolve()
        self._folder = self._main.parent
        self._report = report
        self._files: dict[str, Any] = {}
        self.root = self._open_main()

    def follow(self, node: Node) -> Node | None:
        """The node itself, or what its `$ref` leads to; None, reported, when it leads nowhere."""
        seen = {(node.file, node.pointer)}
        current = node
        while isinstance(current.mapping.get("$ref"), str):
            found = self._target(current, current.mapping["$ref"])
            if found is None:
                return None
            place = (found.file, found.pointer)
            if place in seen or len(seen) > HOPS_MAX:
                self._report.add("dangling_ref", node.where, "The $ref leads back to itself.")
                return None
            seen.add(place)
            current = found
        return current

    def _target(self, node: Node, ref: str) -> Node | None:
        if _REMOTE.match(ref):
            shown = ref[:200]
            self._report.add(
                "remote_ref", node.where, f"'{shown}' is on another host and was not fetched."
            )
            return None
        name, _, fragment = ref.partition("#")
        file = self._file_of(node, unquote(name)) if name else node.file
        if file is None:
            return None
        found = _pointed(Node(self._files[file], file, ""), unquote(fragment))
        if found is None:
            self._report.add("dangling_ref", node.where, f"'{ref[:200]}' leads to nothing.")
        return found

    def _file_of(self, node: Node, name: str) -> str | None:
        try:
            path = (self._folder / node.file).parent.joinpath(name).resolve()
            inside = path.is_relative_to(self._folder)
        except (OSError, ValueError, RuntimeError):
            self._report.add("dangling_ref", node.where, "The $ref does not name a file.")
            return None
        if not inside:
            self._report.add(
                "outside_ref", node.where, f"'{name[:200]}' is outside the description's folder."
            )
            return None
        return self._open(path, node)

    def _open(self, path: Path, node: Node) -> str | None:
        file = path.relative_to(self._folder).as_posix()
        if file in self._files:
            return file
        if len(self._files) >= FILES_MAX or not path.is_file():
            self._report.add(
                "dangling_ref", node.where, f"There is no file '{file[:200]}' to read."
            )
            return None
        try:
            self._read(path, file)
        except (OSError, Unreadable) as error:
            said = str(error) if isinstance(error, Unreadable) else "it cannot be opened"
            self._report.add("dangling_ref", node.where, f"'{file[:200]}' is not usable: {said}.")
            return None
        return file

    def _read(self, path: Path, file: str) -> None:
        document = read_text(path.read_bytes())
        for key in document.doubled:
            self._report.add("doubled_key", f"{file}#", f"The key '{key[:100]}' stands twice.")
        self._files[file] = document.value

    def _open_main(self) -> Node:
        file = self._main.name
        try:
            self._read(self._main, file)
        except OSError:
            raise _unusable(file, "It cannot be read; is the name right?") from None
        except Unreadable as error:
            raise _unusable(file, f"It is not usable: {error}.") from None
        root = Node(self._files[file], file, "")
        if not isinstance(root.value, dict):
            raise _unusable(file, "It is not an object with 'openapi' or 'swagger' at its top.")
        return root


def _pointed(root: Node, pointer: str) -> Node | None:
    """The node at a JSON pointer (RFC 6901), or None."""
    if pointer and not pointer.startswith("/"):
        return None
    node = root
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node.value, dict) and key in node.value:
            node = node.child(key)
        elif isinstance(node.value, list) and key.isdecimal() and int(key) < len(node.value):
            node = node.child(int(key))
        else:
            return None
    return node


def _unusable(file: str, message: str) -> InvalidIntegration:
    problem = Problem(file, "openapi", message, "Name an OpenAPI or Swagger description.")
    return InvalidIntegration(f"{file}: {message}", problems=(problem,))
