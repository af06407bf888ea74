"""A memo for immutable things: least recently used out first, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Keys must name their value completely (a digest); nothing here ever expires by time."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, now the most recently used, or None."""
        found = self._items.get(key)
        if found is None:
            return None
        self._items.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Remember the value; `size` is its weight in bytes. The newest always stays."""
        replaced = self._items.pop(key, None)
        self._bytes += size - (replaced[1] if replaced else 0)
        self._items[key] = (value, size)
        while self._bytes > self._max_bytes and len(self._items) > 1:
            _, (_, freed) = self._items.popitem(last=False)
            self._bytes -= freed

    def __len__(self) -> int:
        return len(self._items)
