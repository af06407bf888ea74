"""Overview: what this deployment is, does and does not do."""

from mcpassport.evidence.claims import CLAIMS
from mcpassport.limits import (
    LEGACY_METHODS,
    LEGACY_REVISIONS,
    MODERN_METHODS,
    MODERN_REVISIONS,
)
from mcpassport.reference.document import DefinitionList, Node, Table
from mcpassport.reference.facts import safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import (
    definitions,
    prose,
    subheading,
    table,
    verbatim,
)


def build(context: Context) -> tuple[Node, ...]:
    """The paragraph a reader with one minute reads, then the facts behind it."""
    integration = context.inputs.integration
    described = (verbatim(integration.description),) if integration.description else ()
    return (
        prose(_summary(context)),
        *described,
        _facts(context),
        subheading("What it does not do"),
        prose(
            "It offers tools only: no resources, prompts, sampling, roots, elicitation or logging. "
            "It answers JSON, never a stream. It keeps no session, caches no response, retries "
            "nothing, and follows no redirect. It does not judge what a tool returns: text from "
            "the upstream API is passed on as data "
            "([Shared responsibility](#shared-responsibility))."
        ),
        subheading("Not available in this version"),
        prose(
            "These are asked for by reviewers and are not built. Nothing else in this document "
            "relies on them."
        ),
        _missing(),
    )


def _summary(context: Context) -> str:
    vendor = safe(context.inputs.vendor.name)
    label = safe(context.inputs.integration.label)
    revisions = ", ".join(MODERN_REVISIONS + LEGACY_REVISIONS)
    return (
        f"{vendor} gives AI agents access to {label} over the Model Context Protocol (MCP), "
        f"revisions {revisions}, over Streamable HTTP. Each MCP server is one grant: a secret URL "
        "for one integrated account of one tenant, with a chosen set of tools and an expiry. One "
        "tool call is at most one request to the upstream API; its payload passes through memory "
        "and is not stored. This document is generated from the same data that serves the calls, "
        "and every sentence that promises something carries an id and says how it is known."
    )


def _facts(context: Context) -> DefinitionList:
    methods = ", ".join(f"`{name}`" for name in dict.fromkeys(MODERN_METHODS + LEGACY_METHODS))
    catalog = context.inputs.catalog
    return definitions(
        (
            ("Deployment", f"`{context.texts['public_url']}`"),
            ("Environment", context.texts["environment"]),
            (
                "Protocol revisions",
                f"{_codes(MODERN_REVISIONS)}; older: {_codes(LEGACY_REVISIONS)}",
            ),
            ("Transport", "Streamable HTTP: `POST` with one JSON answer"),
            ("Method surface", methods),
            ("Tools", f"{len(catalog.tools)} in the [Tool catalog](#tool-catalog)"),
            ("Store", context.texts["store"]),
        )
    )


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _missing() -> Table:
    rows = tuple(
        (f"[{claim.id}](#{claim.id})", claim.template, f"[{claim.row}](#row-{claim.row})")
        for claim in CLAIMS.values()
        if not claim.available
    )
    return table("Not available in this version", ("Claim", "What", "Checklist row"), rows)
