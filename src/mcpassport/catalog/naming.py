"""Tool names: one fixed pattern per method, within the alphabet and length that clients accept."""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType

from mcpassport.limits import TOOL_NAME_MAX
from mcpassport.records.integration import Resource

_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "list": "list_all_{integration}_{plural}",
        "get": "get_single_{integration}_{singular}_by_id",
        "create": "create_a_{integration}_{singular}",
        "update": "update_a_{integration}_{singular}_by_id",
        "delete": "delete_a_{integration}_{singular}_by_id",
    }
)
_CUSTOM = "{integration}_{singular}_{method}"
_OUTSIDE = re.compile(r"[^a-z0-9_]")
_HASH_DIGITS = 6
_KEPT = TOOL_NAME_MAX - _HASH_DIGITS - 1


def tool_name(integration_name: str, resource: Resource, method: str) -> str:
    """The name of the tool, `[a-z0-9_]`, at most 64 characters.

    A longer name keeps its first 57 characters, then `_` and 6 hex digits of the SHA-256 of the
    full name, so two long names stay apart. Whether names collide is checked by `build`.
    """
    full = _PATTERNS.get(method, _CUSTOM).format(
        integration=_folded(integration_name),
        plural=_folded(resource.name),
        singular=_folded(resource.singular),
        method=_folded(method),
    )
    if len(full) <= TOOL_NAME_MAX:
        return full
    return f"{full[:_KEPT]}_{hashlib.sha256(full.encode()).hexdigest()[:_HASH_DIGITS]}"


def _folded(part: str) -> str:
    return _OUTSIDE.sub("_", part.lower())
