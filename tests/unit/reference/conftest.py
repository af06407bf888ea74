"""Inputs of the reference, made by hand: no other part has to run."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mcpassport.records.integration import (
    Annotations,
    Authorization,
    Credential,
    Integration,
    Method,
    Pagination,
    Resource,
)
from mcpassport.records.tool import Catalog, Dropped, Route, Tool
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.vendor import Vendor

MakeTool = Callable[..., Tool]
MakeInputs = Callable[..., Inputs]


def _method(resource: str, method: str) -> Method:
    return Method(
        resource=resource,
        method=method,
        http="GET" if method in {"list", "get"} else "POST",
        base_url="https://{{context.site}}.acme.example/v1",
        path=f"/{resource}/{{{{args.id}}}}" if method == "get" else f"/{resource}",
        allowed_hosts=("*.acme.example",),
        headers={"X-App": "app-secret-value"},
        query={"region": "eu"},
        response="{'result': body.items}" if method == "list" else None,
        authorization=Authorization(kind="bearer"),
        pagination=Pagination(kind="page" if method == "list" else "none"),
        annotations=Annotations(
            read_only=method in {"list", "get"}, destructive=method == "delete", idempotent=True
        ),
        scopes=(f"{resource}.{method}",),
    )


def _tool(
    name: str = "list_all_crm_contacts",
    *,
    resource: str = "contacts",
    method: str = "list",
    description: str = "Lists the contacts of the account.",
    schema: dict[str, Any] | None = None,
    tags: tuple[str, ...] = ("people",),
) -> Tool:
    properties = {
        "limit": {"type": "integer", "description": "How many."},
        "kind": {"type": "string", "enum": ["lead", "customer"], "description": "Which kind."},
    }
    spec = _method(resource, method)
    return Tool(
        name=name,
        title=f"Title of {name}",
        description=description,
        input_schema=schema or {"type": "object", "properties": properties, "required": ["kind"]},
        annotations=spec.annotations,
        tags=tags,
        scopes=spec.scopes,
        routes=(Route("limit", "paging", None), Route("kind", "query", "type")),
        method=spec,
        visible=b"\x01" * 32,
        wiring=b"\x02" * 32,
    )


@pytest.fixture
def make_tool() -> MakeTool:
    """A tool, of a list method unless told otherwise."""
    return _tool


@pytest.fixture
def make_inputs() -> MakeInputs:
    """Inputs with two tools and one dropped method; every part can be replaced."""

    def make(
        tools: tuple[Tool, ...] | None = None,
        *,
        facts: Facts | None = None,
        vendor: Vendor | None = None,
        description: str = "A customer database.",
    ) -> Inputs:
        if tools is None:
            get = _tool("get_single_crm_contact_by_id", method="get", tags=("people", "lookup"))
            tools = (get, _tool())
        integration = Integration(
            name="crm",
            label="Acme CRM",
            description=description,
            base_url="https://{{context.site}}.acme.example/v1",
            allowed_hosts=("*.acme.example",),
            credentials=(Credential(kind="bearer", fields=()),),
            authorization=Authorization(kind="bearer"),
            resources=(Resource(name="contacts", label="Contacts", singular="contact"),),
            methods=tuple(tool.method for tool in tools),
            documentation=(),
            digest="ab" * 32,
            version=3,
        )
        catalog = Catalog(
            integration="crm",
            label="Acme CRM",
            version=3,
            tools=tools,
            dropped=(Dropped("contacts", "merge", "no_record", "It has no documentation record."),),
            digest=b"\x03" * 32,
        )
        return Inputs(
            facts=facts or Facts(public_url="https://mcp.acme.example"),
            integration=integration,
            catalog=catalog,
            vendor=vendor or Vendor(name="Acme Ltd", product="Acme for agents"),
            generated_at=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
            build="0.1.0+test",
        )

    return make
