"""Tools as the management API shows them: of a preview, and of what a server exposes."""

from pydantic import BaseModel

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
