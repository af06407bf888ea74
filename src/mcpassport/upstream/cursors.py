"""Cursors that we make, sealed so that only the call they were made for can use them.

1. The text (a page number, or a query of the upstream's) is encrypted under the tenant's key.
2. It is bound to the account, the method, and every other argument (RFC 8785; integers beyond
   2^53-1 as strings): a cursor of another call does not open.
3. Whatever does not open is an argument error, the same whatever the reason.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import rfc8785

from mcpassport.errors import InvalidArguments, Problem
from mcpassport.limits import MAX_SAFE_INTEGER
from mcpassport.records.grants import Account


class Sealer(Protocol):
    """The part of the vault that seals texts."""

    async def seal_text(self, tenant: str, version: int, associated: bytes, text: bytes, /) -> str:
        """The sealed text, fit for JSON and URLs."""
        ...

    async def unseal_text(self, tenant: str, associated: bytes, sealed: str, /) -> bytes:
        """The text; a `ValueError` if it was not sealed so, or with other associated data."""
        ...


class Cursors:
    """Seals and opens the cursors of one call."""

    def __init__(self, sealer: Sealer, account: Account, key_version: int) -> None:
        self._sealer = sealer
        self._account = account
        self._key_version = key_version

    async def seal(self, method: str, arguments: Mapping[str, Any], plain: str) -> str:
        """The cursor that leaves.

        `method` is `resource.method` and the paging style; `arguments` are without the cursor.
        """
        return await self._sealer.seal_text(  # (1)
            self._account.tenant,
            self._key_version,
            self._associated(method, arguments),
            plain.encode(),
        )

    async def open(self, method: str, arguments: Mapping[str, Any], sealed: str) -> str:
        """The text that was sealed.

        Raises:
            InvalidArguments: it is no cursor of this very list.
        """
        try:
            associated = self._associated(method, arguments)
            plain = await self._sealer.unseal_text(self._account.tenant, associated, sealed)
            return plain.decode()
        except ValueError:  # (3)
            message = "next_cursor is not a cursor of this list with these arguments"
            raise InvalidArguments(
                f"{message}.",
                problems=(
                    Problem(
                        "/next_cursor",
                        "cursor",
                        message,
                        "Send the cursor of the page before, with the same other arguments.",
                    ),
                ),
            ) from None

    def _associated(self, method: str, arguments: Mapping[str, Any]) -> bytes:
        bound = ["cursor", self._account.id, method, _exact(arguments)]  # (2)
        return rfc8785.dumps(bound)


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _exact(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(element) for element in value]
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return str(value)
    return value
