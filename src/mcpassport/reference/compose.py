"""Inputs -> Document. The same inputs give the same document."""

from collections import Counter

from mcpassport.limits import (
    LEGACY_METHODS,
    LEGACY_REVISIONS,
    MODERN_METHODS,
    MODERN_REVISIONS,
)
from mcpassport.records.integration import Integration
from mcpassport.reference.counts import catalog_texts
from mcpassport.reference.document import (
    DOCUMENT_FORMAT,
    Branding,
    ClaimNode,
    Document,
    EvidenceSummary,
    Section,
)
from mcpassport.reference.facts import code_list, fact_texts
from mcpassport.reference.inputs import Context, Inputs
from mcpassport.reference.sections import SECTIONS
from mcpassport.reference.slugs import slug
from mcpassport.reference.tools import without_userinfo
from mcpassport.reference.vendor import Vendor

UNPUBLISHED = "unpublished"

__all__ = ["Inputs", "compose"]


def compose(inputs: Inputs) -> Document:
    """The reference of that integration on that deployment."""
    context = Context(inputs=inputs, texts=_texts(inputs))
    sections = tuple(
        Section(anchor=slug(heading), heading=heading, nodes=build(context))
        for heading, build in SECTIONS.items()
    )
    integration, catalog = inputs.integration, inputs.catalog
    return Document(
        format=DOCUMENT_FORMAT,
        product=inputs.vendor.product,
        branding=branding_of(inputs.vendor),
        integration=integration.name,
        integration_label=integration.label,
        integration_version=integration.version,
        version=inputs.issue.number or UNPUBLISHED,
        generated_at=inputs.generated_at,
        build=inputs.build,
        deployment_url=inputs.facts.public_url,
        environment=inputs.facts.environment or "",
        protocol_revisions=MODERN_REVISIONS + LEGACY_REVISIONS,
        transports=("streamable-http",),
        method_surface=tuple(dict.fromkeys(MODERN_METHODS + LEGACY_METHODS)),
        catalog_digest=catalog.digest.hex(),
        tool_count=len(catalog.tools),
        evidence=_evidence(inputs, sections),
        facts=dict(context.texts),
        sections=sections,
    )


def _texts(inputs: Inputs) -> dict[str, str]:
    catalog = inputs.catalog
    return {
        **fact_texts(inputs.facts),
        "integration_version": str(inputs.integration.version),
        "tool_count": str(len(catalog.tools)),
        **catalog_texts(catalog),
        "catalog_digest": catalog.digest.hex(),
        "credential_kinds": code_list([each.kind for each in inputs.integration.credentials]),
        "egress_hosts": code_list(egress_hosts(inputs.integration)),
    }


def egress_hosts(integration: Integration) -> tuple[str, ...]:
    """Hosts, or patterns of hosts, that calls may connect to, renewals of their tokens included."""
    hosts = [
        host
        for method in integration.methods
        for host in method.allowed_hosts or (host_of(method.base_url),)
    ]
    hosts += [host_of(each.oauth.token_url) for each in integration.credentials if each.oauth]
    return tuple(dict.fromkeys(hosts))


def host_of(url: str) -> str:
    """The host and port of a URL pattern; placeholders stay as they are."""
    return without_userinfo(url).partition("://")[2].partition("/")[0]


def branding_of(vendor: Vendor) -> Branding:
    """How the vendor marks a page."""
    return Branding(
        name=vendor.name,
        product=vendor.product,
        accent=vendor.accent,
        footer=vendor.footer,
        canonical_url=vendor.canonical_url or "",
        logo=vendor.logo,
    )


def _evidence(inputs: Inputs, sections: tuple[Section, ...]) -> EvidenceSummary:
    grades = Counter(
        node.grade for section in sections for node in section.nodes if isinstance(node, ClaimNode)
    )
    return EvidenceSummary(state=inputs.known.state, grades=dict(sorted(grades.items())))
