"""The checks by claim: one file per heading of the reference, one row per claim."""

from collections.abc import Awaitable, Callable
from typing import Final

from mcpassport.evidence.bench import Bench, Finding
from mcpassport.evidence.checks.failure_modes import failure_table, nothing_shown
from mcpassport.evidence.checks.rate_limits_errors import one_request
from mcpassport.evidence.checks.tool_scope_controls import hidden_tool
from mcpassport.evidence.checks.two_channels import same_facts

Check = Callable[[Bench, Finding], Awaitable[None]]

CHECKS: Final[dict[str, Check]] = {
    "SCO-01": hidden_tool,
    "LIM-01": same_facts,
    "LIM-03": one_request,
    "FAI-01": nothing_shown,
    "FAI-04": failure_table,
}
