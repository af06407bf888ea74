"""Overview: what this deployment is, does and does not do, and the words that follow."""

from mcpassport.evidence.claims import CLAIMS
from mcpassport.limits import (
    LEGACY_METHODS,
    LEGACY_REVISIONS,
    MODERN_METHODS,
    MODERN_REVISIONS,
)
from mcpassport.reference.counts import count
from mcpassport.reference.document import DefinitionList, Node, Table
from mcpassport.reference.facts import code_list, safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import (
    definitions,
    prose,
    subheading,
    table,
    verbatim,
)

_WORDS = (
    ("upstream API", "The vendor's own API, which the tools call"),
    ("integration", "The upstream API described as data; each push makes a numbered version"),
    ("tenant", "A customer of the vendor"),
    ("integrated account", "One tenant's connection to the upstream API, with its credential"),
    (
        "MCP server",
        "A scoped, expiring grant on exactly one integrated account; what an agent connects to",
    ),
    ("server token", "The secret of an MCP server, in its URL or in a header (`mcpp_srv_…`)"),
    ("API token", "A secret of the management API, or a second factor (`mcpp_api_…`)"),
    ("tool", "One method of the upstream API as the model sees it"),
    ("catalog, surface", "All tools of an integration version; the tools that one server exposes"),
    ("admission", "The decision who is calling, made before the body of a request is read"),
    ("intent, outcome", "Audit rows written before and after the upstream request of a call"),
)
_GRADES = (
    ("`live`", "A check was executed against the published address"),
    ("`sandbox`", "A check was executed against a throw-away process of the same build"),
    ("`expired`", "Such a check passed, more than {evidence_max_age_days} days ago"),
    ("`stated`", "The vendor's words"),
    ("`not verified`", "True of the design; no check of this very build has passed"),
    ("`not available in this version`", "Not built"),
)


def build(context: Context) -> tuple[Node, ...]:
    """The paragraph a reader with one minute reads, then the facts behind it."""
    integration = context.inputs.integration
    described = (verbatim(integration.description),) if integration.description else ()
    return (
        prose(_summary(context)),
        *described,
        prose(
            "Reviewers with a list of questions: start at the "
            "[Procurement checklist](#procurement-checklist). Engineers who connect an agent: "
            "start at [Client configuration](#client-configuration)."
        ),
        _facts(context),
        subheading("What it does not do"),
        prose(
            "It offers tools only: no resources, prompts, sampling, roots, elicitation or logging. "
            "It answers JSON; only a call that asks for progress of a tool that reports it is "
            "answered as server-sent events. It keeps no session, caches no response, retries "
            "nothing, and follows no redirect. It does not judge what a tool returns "
            "([Shared responsibility](#shared-responsibility))."
        ),
        subheading("Vocabulary"),
        definitions(_WORDS),
        subheading("How a sentence is known"),
        prose(
            "Every sentence that promises something has an id such as [TEN-01](#TEN-01), which "
            "never changes, the row of the checklist that it answers, and a grade:"
        ),
        definitions((grade, context.fill(text)) for grade, text in _GRADES),
        subheading("Not available in this version"),
        prose("Reviewers ask for these; they are not built, and nothing here relies on them."),
        _missing(),
    )


def _summary(context: Context) -> str:
    vendor = safe(context.inputs.vendor.name)
    label = safe(context.inputs.integration.label)
    return (
        f"{vendor} gives AI agents access to {label} over the Model Context Protocol (MCP). Each "
        "MCP server is one grant: a secret URL for one integrated account of one tenant, with a "
        "chosen set of tools and an expiry. One tool call makes at most one request to the "
        "upstream API; its payload passes through memory and is not stored. This document is "
        "generated from the data and the settings that serve the calls; nobody edits it by hand."
    )


def _facts(context: Context) -> DefinitionList:
    catalog = context.inputs.catalog
    tools = count(len(catalog.tools), "tool")
    return definitions(
        (
            ("Deployment", f"`{context.texts['public_url']}`"),
            ("Environment", context.texts["environment"]),
            (
                "Protocol revisions",
                f"{code_list(MODERN_REVISIONS)}; older: {code_list(LEGACY_REVISIONS)}",
            ),
            (
                "Transport",
                (
                    "Streamable HTTP: `POST` with one JSON answer, or with progress as server-sent "
                    "events and then the answer; `GET` gets 405"
                ),
            ),
            (
                "Method surface",
                (
                    f"{code_list(MODERN_METHODS)}; older revisions: {code_list(LEGACY_METHODS)}. "
                    "Notifications are accepted with HTTP 202 and have no effect"
                ),
            ),
            ("Tools", f"{tools} in the [Tool catalog](#tool-catalog)"),
            ("Store", f"{context.texts['store']}, {context.texts['workers']}"),
        )
    )


def _missing() -> Table:
    rows = tuple(
        (f"[{claim.id}](#{claim.id})", claim.template, f"[{claim.row}](#row-{claim.row})")
        for claim in CLAIMS.values()
        if not claim.available
    )
    return table("What is not built", ("Claim", "What", "Checklist row"), rows)
