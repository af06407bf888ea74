"""`Authorization: Bearer <token>` (RFC 6750, 2.1). An `api_key` credential gives its key."""

from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, InHeaders, field, header, read_fields


class Bearer(InHeaders):
    """The token, or the key, in the `Authorization` header."""

    def headers(self, _authorization: Authorization) -> tuple[str, ...]:
        """The names of the headers it sets."""
        return ("Authorization",)

    def apply(self, _authorization: Authorization, secret: Secret) -> Applied:
        """What the credential adds to a request."""
        token = field(read_fields(secret), "token", "key")
        return Applied(headers=(header("Authorization", f"Bearer {token}"),))
