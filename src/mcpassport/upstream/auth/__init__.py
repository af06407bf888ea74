"""How a credential is applied to a request: one kind per file, and the table of kinds."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.basic import Basic
from mcpassport.upstream.auth.bearer import Bearer
from mcpassport.upstream.auth.expression import FromExpression
from mcpassport.upstream.auth.fields import Applied
from mcpassport.upstream.auth.header import Header
from mcpassport.upstream.auth.query import Query


class AuthorizationKind(Protocol):
    """A way to apply a credential."""

    def headers(self, authorization: Authorization, /) -> tuple[str, ...]:
        """The names of the headers it sets: nothing else may set them."""
        ...

    def query(self, authorization: Authorization, /) -> tuple[str, ...]:
        """The names of the query values it sets: nothing else may set them."""
        ...

    def apply(self, authorization: Authorization, secret: Secret, /) -> Applied:
        """What the credential adds to a request. `ReauthorizationRequired` if it does not fit."""
        ...


AUTHORIZATIONS: Final[Mapping[str, AuthorizationKind]] = MappingProxyType(
    {
        "bearer": Bearer(),
        "basic": Basic(),
        "header": Header(),
        "query": Query(),
        "expression": FromExpression(),
    }
)
