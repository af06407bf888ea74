"""JSON merge patches (RFC 7396), for plain values and for values that know their places."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcpassport.integrations.marks import MarkedMap, copied, key_place


def merge_patch(target: Any, patch: Any) -> Any:
    """The target after the patch (RFC 7396, section 2); neither of the two is changed.

    What the patch sets stands, from then on, where the patch wrote it.
    """
    if not isinstance(patch, Mapping):
        return copied(patch)
    result = copied(target) if isinstance(target, Mapping) else _empty(patch)
    for key, value in patch.items():
        if value is None:
            _drop(result, key)
        else:
            _put(result, key, merge_patch(result.get(key), value), patch)
    return result


def unmatched_nulls(
    target: Any, patch: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """The paths at which the patch removes a key that the target does not have."""
    if not isinstance(patch, Mapping):
        return
    present = target if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None and key not in present:
            yield (*path, key)
        elif isinstance(present.get(key), Mapping):
            yield from unmatched_nulls(present[key], value, (*path, key))


def _empty(patch: Mapping[str, Any]) -> dict[str, Any]:
    return MarkedMap(patch.place) if isinstance(patch, MarkedMap) else {}


def _drop(result: dict[str, Any], key: str) -> None:
    result.pop(key, None)
    if isinstance(result, MarkedMap):
        result.keys_at.pop(key, None)


def _put(result: dict[str, Any], key: str, value: Any, patch: Mapping[str, Any]) -> None:
    place = key_place(patch, key)
    if not isinstance(result, MarkedMap) or (key in result and isinstance(value, Mapping)):
        result[key] = value
    else:
        result.put(key, value, place or result.place)
