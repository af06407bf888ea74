"""A query value: `?api_key=…`. It joins the URL where the request is sent, and nowhere before.

Servers, proxies and their logs see addresses; a header is the better place where the API has one.
"""

from typing import Final

from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, field, query_value, read_fields

DEFAULT_NAME: Final = "api_key"


class Query:
    """The key, or the token, under the name that the integration gives."""

    def headers(self, _authorization: Authorization) -> tuple[str, ...]:
        """The names of the headers it sets."""
        return ()

    def query(self, authorization: Authorization) -> tuple[str, ...]:
        """The names of the query values it sets."""
        return (authorization.name or DEFAULT_NAME,)

    def apply(self, authorization: Authorization, secret: Secret) -> Applied:
        """What the credential adds to a request."""
        key = field(read_fields(secret), "key", "token")
        return Applied(query=(query_value(self.query(authorization)[0], key),))
