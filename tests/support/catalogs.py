"""Small makers of methods, records and integrations, so a test states only what it is about."""

from collections.abc import Sequence
from typing import Any

from mcpassport.records.integration import (
    Annotations,
    Authorization,
    Documentation,
    Integration,
    Method,
    Pagination,
    Resource,
)


def make_method(method: str = "get", **changes: Any) -> Method:
    has_id = method in {"get", "update", "delete"}
    defaults: dict[str, Any] = {
        "resource": "contacts",
        "method": method,
        "http": {"create": "POST", "update": "PATCH", "delete": "DELETE"}.get(method, "GET"),
        "base_url": "https://api.example.com",
        "path": "/contacts/{{args.id}}" if has_id else "/contacts",
        "authorization": Authorization("bearer"),
        "pagination": Pagination("none"),
        "annotations": Annotations(read_only=True, destructive=False, idempotent=True),
    }
    return Method(**{**defaults, **changes})


def make_record(method: str = "get", **changes: Any) -> Documentation:
    defaults: dict[str, Any] = {
        "resource": "contacts",
        "method": method,
        "description": "Does something.",
    }
    return Documentation(**{**defaults, **changes})


def make_integration(
    methods: Sequence[Method], records: Sequence[Documentation], **changes: Any
) -> Integration:
    defaults: dict[str, Any] = {
        "name": "acme-crm",
        "label": "Acme CRM",
        "base_url": "https://api.example.com",
        "credentials": (),
        "authorization": Authorization("bearer"),
        "resources": (
            Resource(name="contacts", label="Contacts", singular="contact", tags=("crm",)),
            Resource(name="tickets", label="Tickets", singular="ticket", tags=("support",)),
        ),
        "methods": tuple(methods),
        "documentation": tuple(records),
        "digest": "0" * 64,
        "version": 3,
    }
    return Integration(**{**defaults, **changes})
