"""The claims registry: every sentence of the reference that promises something, as data.

Ids are stable for ever: a claim that is dropped leaves its id unused.
"""

from typing import Final

from mcpassport.evidence.claims.access import ACCESS
from mcpassport.evidence.claims.checklist import ASKED, CHECKLIST, THEMES
from mcpassport.evidence.claims.custody import CUSTODY
from mcpassport.evidence.claims.operation import OPERATION
from mcpassport.evidence.claims.record import Asked, Claim, Controls, Grade, Row
from mcpassport.evidence.claims.transport import TRANSPORT

CLAIMS: Final[dict[str, Claim]] = {
    claim.id: claim for claim in ACCESS + CUSTODY + OPERATION + TRANSPORT
}
ROWS: Final[dict[int, Row]] = {row.number: row for row in CHECKLIST}

__all__ = ["ASKED", "CLAIMS", "ROWS", "THEMES", "Asked", "Claim", "Controls", "Grade", "Row"]
