"""Pulls a chain, oldest row first, into a file that `audit verify` reads."""

from typing import Any, BinaryIO

import msgspec

from mcpassport.audit.export import checkpoint_line, from_lines
from mcpassport.cli.client import Api
from mcpassport.records.audit import Checkpoint

ROWS = 2_000
"""Rows of one request."""
CHECKPOINTS = 200


class Puller:
    """Appends what is new to the file. `last` is the sequence it has come to."""

    def __init__(self, api: Api, tenant: str | None, file: BinaryIO) -> None:
        self._api = api
        self._home = {} if tenant is None else {"tenant": tenant}
        self._file = file
        self._signed = 0
        self.rows = 0
        self.last = 0

    async def pull(self) -> None:
        """Write rows and checkpoints up to the present end of the chain."""
        while True:
            query = {"format": "ndjson", "oldest_first": "true", "limit": ROWS}
            text = await self._api.text(
                "/audit", query={**self._home, **query, "cursor": self.last}
            )
            found = from_lines(text)
            if found:
                self._file.write(text)
                self.rows += len(found)
                self.last = found[-1].sequence
            await self._checkpoints()
            self._file.flush()
            if len(found) < ROWS:
                return

    async def _checkpoints(self) -> None:
        """Those of rows that are in the file; later ones come with their rows."""
        while True:
            query: dict[str, Any] = {"oldest_first": "true", "limit": CHECKPOINTS}
            page = await self._api.call(
                "GET", "/audit/checkpoint", query={**self._home, **query, "cursor": self._signed}
            )
            for item in page["result"]:
                checkpoint = msgspec.convert(item, Checkpoint)
                if checkpoint.sequence > self.last:
                    return
                self._file.write(checkpoint_line(checkpoint))
                self._signed = checkpoint.sequence
            if page["next_cursor"] is None:
                return
