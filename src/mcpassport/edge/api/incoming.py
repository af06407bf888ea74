"""Documents that the management API reads; unknown members are errors."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
)
from pydantic_core import PydanticCustomError

from mcpassport.limits import LIMITS, OVERLAP_MAX_S, Level, limit_problem, settable

_NUMBER = re.compile(r"\s*[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?\s*")


def _no_number(value: object) -> object:
    """A time is written as one: the model alone would read numbers as seconds since 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise PydanticCustomError("moment", "Write a time like 2030-01-31T12:00:00Z.")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""An ISO 8601 time with zone."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Texts = Annotated[dict[str, str], Field(max_length=64)]


def _settable(level: Level) -> str:
    """What may be set at that level, in words."""
    told = ", ".join(f"{name} (1 to {LIMITS[name].ceiling})" for name in settable(level))
    return f"set by admins only: {told}; absent stays, {{}} takes them back"


def _checked(level: Level) -> AfterValidator:
    """Limits of that level, each up to its ceiling."""
    names = settable(level)

    def check(given: dict[str, int]) -> dict[str, int]:
        wrong = [limit_problem(name, value, names) for name, value in given.items()]
        if any(wrong):
            raise ValueError("; ".join(filter(None, wrong)))
        return given

    return AfterValidator(check)


TenantLimits = Annotated[dict[str, StrictInt], _checked("tenant")]
ServerLimits = Annotated[dict[str, StrictInt], _checked("server")]


class Incoming(BaseModel):
    """A body that is read; unknown members are errors."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Nothing(Incoming):
    """A request whose address says all of it."""


class TenantIn(Incoming):
    """A new tenant."""

    id: Slug | None = Field(default=None, description="absent: one is made")
    name: Name
    limits: TenantLimits | None = Field(default=None, description=_settable("tenant"))


class TenantPatch(Incoming):
    """Changes of a tenant."""

    name: Name | None = None
    limits: TenantLimits | None = Field(default=None, description=_settable("tenant"))


class IntegrationIn(Incoming):
    """A version to push: the same content as a folder, after its overlay."""

    config: dict[str, Any]
    documentation: list[dict[str, Any]]
    expect_version: int | None = Field(
        default=None, ge=0, description="the live version you started from (0: none yet)"
    )
    note: str = Field(default="", max_length=500)


class RollbackIn(Incoming):
    """Which version to push again."""

    version: int = Field(ge=1)


class OverridesDoc(Incoming):
    """The few values an admin may change for one account."""

    context: Texts = {}
    headers: Texts = {}
    timeout_s: float | None = Field(default=None, gt=0, le=120)
    removed_methods: list[str] = []


class AccountIn(Incoming):
    """A new integrated account with static credentials."""

    tenant: Slug | None = None
    integration: Slug
    name: Name
    credential_kind: str
    credential: Texts
    context: Texts = {}


class LinkIn(Incoming):
    """A link by which a customer connects an account."""

    tenant: Slug | None = None
    integration: Slug
    name: Name
    credential_kind: str | None = Field(default=None, description="absent: the first there is")
    context: Texts = {}
    methods: list[str] | None = Field(
        default=None, description="methods whose scopes are asked for; absent: all"
    )


class ReconnectIn(Incoming):
    """A link by which a customer connects an account again."""

    methods: list[str] | None = Field(
        default=None, description="methods whose scopes are asked for; absent: all"
    )


class OAuthAppIn(Incoming):
    """The client by which the vendor is known to a provider."""

    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: Annotated[str, Field(max_length=2000)] = ""


class AccountPatch(Incoming):
    """Changes of an account; `credential` replaces all of it."""

    name: Name | None = None
    credential_kind: str | None = None
    credential: Texts | None = None
    context: Texts | None = None
    overrides: OverridesDoc | None = Field(default=None, description="admins only")


class FactorDoc(BaseModel):
    """A second factor that the server demands; beside its kind stand the options of the kind."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    kind: Literal["api_token", "mtls", "jwt"]

    @property
    def options(self) -> dict[str, Any]:
        """What stands beside the kind."""
        return dict(self.model_extra or {})


class OAuthIn(Incoming):
    """Access tokens that a server takes in place of its own token, at its address by id."""

    issuer: str
    audience: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="absent: the server's address, as RFC 8707 has it"
    )
    read_scope: str = Field(default="", description="reaches `list` and `get`; empty: no scope")
    write_scope: str = Field(default="", description="reaches everything else; empty: no scope")
    required_claims: dict[str, Any] = {}
    algorithms: list[str] = ["RS256", "ES256"]
    skew_s: int = 60


class ServerConfigIn(Incoming):
    """What an MCP server exposes, and what else it demands of its callers."""

    methods: list[str] | None = None
    tags: list[str] | None = None
    resources: list[str] | None = None
    deny: list[str] = Field(default=[], description="tools left out, by name or `resource.method`")
    factors: list[FactorDoc] | None = None
    require_api_token_auth: bool | None = Field(
        default=None, description="short for the factor `api_token`"
    )
    oauth: OAuthIn | None = None
    rate_limit_errors: Literal["auto", "http_429", "tool_error"] = "auto"
    limits: ServerLimits | None = Field(default=None, description=_settable("server"))


class ServerIn(Incoming):
    """A new MCP server."""

    name: Name
    config: ServerConfigIn = ServerConfigIn()
    expires_at: Moment | None = Field(
        default=None,
        description="with zone, at least 60 s ahead; absent: the default lifetime; "
        "null: never, where the deployment allows it",
    )


class ServerPatch(Incoming):
    """Changes of an MCP server; `config` replaces all of it."""

    name: Name | None = None
    config: ServerConfigIn | None = None
    expires_at: Moment | None = None


class RotateIn(Incoming):
    """How long the token before the rotation still holds, beside the new one."""

    overlap_seconds: StrictInt = Field(default=0, ge=0, le=OVERLAP_MAX_S)


class TokenIn(Incoming):
    """A new API token."""

    tenant: Slug | None = None
    role: Literal["admin", "tenant", "auditor", "factor"]
    name: Name
    expires_at: Moment | None = None


class TryIn(Incoming):
    """A try-out of one method on an account, optionally with content that is not pushed yet."""

    resource: str
    method: str
    args: dict[str, Any] = {}
    dry_run: bool = False
    config: dict[str, Any] | None = None
    documentation: list[dict[str, Any]] | None = None


class CallIn(Incoming):
    """One tool call, as an agent would make it."""

    tool: str = Field(min_length=1, max_length=200)
    arguments: dict[str, Any] = {}
