"""The checks by claim: one file per heading of the reference, one row per claim."""

from collections.abc import Awaitable, Callable
from typing import Final

from mcpassport.evidence.bench import Bench, Finding
from mcpassport.evidence.checks.credential_handling import keys_apart
from mcpassport.evidence.checks.rate_limits_errors import one_request
from mcpassport.evidence.checks.tool_scope_controls import hidden_tool

Check = Callable[[Bench, Finding], Awaitable[None]]

CHECKS: Final[dict[str, Check]] = {
    "CRE-10": keys_apart,
    "SCO-01": hidden_tool,
    "LIM-03": one_request,
}
