"""Tools as the management API shows them: of a preview, and of what a server exposes."""

from collections.abc import Sequence

from pydantic import BaseModel

from mcpassport.accounts.scopes import excess, needed
from mcpassport.records.grants import Account
from mcpassport.records.integration import Integration
from mcpassport.records.tool import Tool


class ToolOut(BaseModel):
    """One tool of a preview."""

    name: str
    title: str
    description: str
    resource: str
    method: str
    tags: list[str]
    read_only: bool
    destructive: bool
    digest: str

    @classmethod
    def of(cls, tool: Tool) -> "ToolOut":
        """From the catalog."""
        return cls(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            resource=tool.method.resource,
            method=tool.method.method,
            tags=list(tool.tags),
            read_only=tool.annotations.read_only,
            destructive=tool.annotations.destructive,
            digest=tool.visible.hex(),
        )


class ToolPreview(BaseModel):
    """The tools that an MCP server with these filters would expose."""

    integration: str
    version: int
    catalog_digest: str
    surface_digest: str
    result: list[ToolOut]
    hidden: int
    """Tools of the integration that the filters, or the account's overrides, leave out."""
    needed_scopes: list[str]
    """Upstream OAuth scopes that these tools, and the integration itself, need."""
    excess_scopes: list[str]
    """What the account's provider granted beyond that."""


def scopes_of(
    account: Account, integration: Integration, tools: Sequence[Tool]
) -> dict[str, list[str]]:
    """What these tools need of the account's grant, and what it has beyond that."""
    declared = {each.kind: each for each in integration.credentials}
    wanted = needed(declared.get(account.credential_kind), tools)
    granted = account.oauth.granted if account.oauth is not None else ()
    return {"needed_scopes": [*wanted], "excess_scopes": [*excess(granted, wanted)]}
