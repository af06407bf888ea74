"""YAML values that remember where they were written, so that a finding can name file and line.

`MarkedMap` and `MarkedList` are ordinary dicts and lists with places beside them. The overlay moves
and merges them; the places travel along.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

Path: TypeAlias = Sequence[str | int]
"""Keys and list positions from the root of a content to one value."""
Step: TypeAlias = tuple[tuple[str | int, ...], Any]
"""A path and the value that stands there."""


ABSENT: Final = object()
"""What stands where a path leads nowhere."""


class Place(NamedTuple):
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class MarkedMap(dict[str, Any]):
    """A mapping with its own place and one for each key."""

    __slots__ = ("keys_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}

    def put(self, key: str, value: Any, place: Place) -> None:
        """Set a key and where it was written."""
        self[key] = value
        self.keys_at[key] = place


class MarkedList(list[Any]):
    """A list with its own place and one for each item."""

    __slots__ = ("items_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []

    def add(self, value: Any, place: Place) -> None:
        """Append an item and where it was written."""
        self.append(value)
        self.items_at.append(place)


def key_place(value: Any, key: str | int) -> Place | None:
    """Where that key or item of `value` was written; None when nobody knows."""
    if isinstance(value, MarkedMap):
        return value.keys_at.get(str(key), value.place)
    if isinstance(value, MarkedList) and isinstance(key, int) and 0 <= key < len(value.items_at):
        return value.items_at[key]
    return value.place if isinstance(value, MarkedList) else None


def plain(value: Any) -> Any:
    """The same value of ordinary dicts and lists: a copy all the way down."""
    if isinstance(value, Mapping):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def copied(value: Any) -> Any:
    """A copy all the way down that keeps the places."""
    if isinstance(value, MarkedMap):
        fresh = MarkedMap(value.place)
        for key, member in value.items():
            fresh.put(key, copied(member), value.keys_at.get(key, value.place))
        return fresh
    if isinstance(value, MarkedList):
        items = MarkedList(value.place)
        for item, place in zip(value, value.items_at, strict=True):
            items.add(copied(item), place)
        return items
    return plain(value)


def marked(value: Any, place: Place) -> Any:
    """A plain value as if all of it had been written at `place`."""
    if isinstance(value, Mapping):
        fresh = MarkedMap(place)
        for key, member in value.items():
            fresh.put(key, marked(member, place), place)
        return fresh
    if isinstance(value, list):
        items = MarkedList(place)
        for item in value:
            items.add(marked(item, place), place)
        return items
    return value


def where(root: Any, path: Path) -> str:
    """`file:line` of the nearest known place on the way to `path`, else its JSON pointer."""
    found = root.place if isinstance(root, MarkedMap | MarkedList) else None
    current = root
    for part in path:
        found = key_place(current, part) or found
        current = member_of(current, part)
    return str(found) if found else pointer(path)


def pointer(path: Path) -> str:
    """The JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Step]:
    """Every value below and including `value`, parents first, each with its path."""
    yield path, value
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from walk(member, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def member_of(value: Any, part: str | int) -> Any:
    """The member or item of a mapping or list, or `ABSENT`."""
    if isinstance(value, Mapping):
        return value.get(part, ABSENT)
    if isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
        return value[part]
    return ABSENT
