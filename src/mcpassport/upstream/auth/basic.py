"""`Authorization: Basic …` (RFC 7617, in UTF-8)."""

from base64 import b64encode

from mcpassport.errors import ReauthorizationRequired
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, InHeaders, field, header, read_fields


class Basic(InHeaders):
    """User name and password in the `Authorization` header; the password may be empty."""

    def headers(self, _authorization: Authorization) -> tuple[str, ...]:
        """The names of the headers it sets."""
        return ("Authorization",)

    def apply(self, _authorization: Authorization, secret: Secret) -> Applied:
        """What the credential adds to a request."""
        fields = read_fields(secret)
        username = field(fields, "username")
        if ":" in username:  # the first colon would end the name (RFC 7617, 2)
            raise ReauthorizationRequired("The account's user name holds a colon.")
        pair = f"{username}:{fields.get('password', '')}".encode()
        return Applied(headers=(header("Authorization", f"Basic {b64encode(pair).decode()}"),))
