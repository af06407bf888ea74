"""What a check of an integration found: one record for the loader, the importer and the gate."""

from typing import Literal, TypeAlias

from msgspec import Struct

Severity: TypeAlias = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """One problem: where it stands (`file:line`, or a JSON pointer), and how to mend it."""

    severity: Severity
    rule: str
    where: str
    message: str
    mend: str
    resource: str = ""
    method: str = ""
