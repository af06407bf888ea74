"""Compiled versions kept in memory: the least recently used leave when a bound in bytes is hit."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SizedMemo(Generic[T]):
    """Immutable values under immutable keys, each with an estimate of its size in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    @property
    def size(self) -> int:
        """Estimated bytes of what is kept."""
        return self._bytes

    def get(self, key: Hashable) -> T | None:
        """The value, which counts as used now; None when it is not kept."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep a value. One that is alone over the bound is not kept."""
        if key in self._kept or size > self._max:
            return
        self._kept[key] = (value, size)
        self._bytes += size
        while self._bytes > self._max:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
