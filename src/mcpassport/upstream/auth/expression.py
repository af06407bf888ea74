"""Headers made by an expression over `{credentials}`, such as two of them, or one of two fields.

1. It is evaluated in this thread and never in an evaluator process: a secret stays in the process
   that opened it. A credential that is too large for that is refused.
2. It may set the headers that the integration lists, and no other: what sets them is known before
   any secret is opened.
3. An error names the slot and the engine's code; nothing of the scope or of the result.
"""

from typing import Any, Final

import msgspec

from mcpassport.errors import ExpressionFailed, ReauthorizationRequired
from mcpassport.expressions import Expression, evaluate_inline
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, InHeaders, header, read_fields

SLOT: Final = "authorization value"


class FromExpression(InHeaders):
    """JSONata gives an object: header names and texts. Null leaves a header out."""

    def headers(self, authorization: Authorization) -> tuple[str, ...]:
        """The names of the headers it sets."""
        return authorization.headers

    def apply(self, authorization: Authorization, secret: Secret) -> Applied:
        """What the credential adds to a request. `ExpressionFailed` if it is of no use."""
        scope = msgspec.json.encode({"credentials": read_fields(secret)})
        result = evaluate_inline(Expression(authorization.value or "", SLOT), scope)  # (1), (3)
        given: Any = None if result is None else msgspec.json.decode(result)
        if not isinstance(given, dict):
            raise ExpressionFailed(f"The expression '{SLOT}' gave no object of headers.")
        names = {name.lower(): name for name in authorization.headers}
        set_: list[tuple[str, str]] = []
        for name, value in given.items():
            if name.lower() not in names:  # (2)
                raise ExpressionFailed(
                    f"The expression '{SLOT}' gave a header that 'headers' does not list."
                )
            if value is not None:
                set_.append(header(names[name.lower()], _text(value)))
        if not set_:
            raise ReauthorizationRequired("The account's credential makes no header.")
        return Applied(headers=tuple(set_))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionFailed(f"The expression '{SLOT}' gave a header that is no text.")
    return value
