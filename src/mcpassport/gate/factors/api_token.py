"""The factor `api_token`: a live API token of the tenant whose role is `factor`."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcpassport.gate.evidence import Evidence, Verdict
from mcpassport.gate.validity import is_live


class ApiTokenFactor:
    """Holds when the token shown is of role `factor`, of the same tenant, active, unexpired.

    Tokens of other roles never pass, whatever they may open elsewhere: the secret in an agent's
    configuration must not be one that could widen its own server.
    """

    options: frozenset[str] = frozenset()

    def judge(self, evidence: Evidence, _options: Mapping[str, Any]) -> Verdict:
        """See the class."""
        if not evidence.api_token_shown:
            return "missing"
        token = evidence.api_token
        if token is None or token.role != "factor" or token.tenant != evidence.tenant:
            return "wrong"
        return "held" if is_live(token.status, token.expires_at, evidence.now) else "wrong"

    def problems(self, _options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """It has no options."""
        yield from ()
