"""The sections: heading -> what builds its nodes. A new section is one file and one line here.

The order is that of `headings.HEADINGS`; a test compares the two.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from mcpassport.reference.document import Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.sections import (
    audit,
    authentication,
    catalog,
    changelog,
    clients,
    credentials,
    data_flow,
    failures,
    lifecycle,
    limits,
    overview,
    pagination,
    procurement,
    quality,
    responsibility,
    retention,
    scope,
    tenancy,
    verification,
)

Build: TypeAlias = Callable[[Context], tuple[Node, ...]]

SECTIONS: Final[dict[str, Build]] = {
    "Overview": overview.build,
    "Data flow": data_flow.build,
    "Tenancy & isolation": tenancy.build,
    "Authentication layers": authentication.build,
    "Credential handling": credentials.build,
    "Zero Data Retention": retention.build,
    "Tool catalog": catalog.build,
    "Tool scope controls": scope.build,
    "Pagination": pagination.build,
    "Rate limits & errors": limits.build,
    "Failure modes": failures.build,
    "Audit trail": audit.build,
    "Lifecycle": lifecycle.build,
    "Client configuration": clients.build,
    "Documentation quality policy": quality.build,
    "Procurement checklist": procurement.build,
    "Shared responsibility": responsibility.build,
    "Verify this document": verification.build,
    "Changelog": changelog.build,
}
