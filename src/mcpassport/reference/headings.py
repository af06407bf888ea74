"""The headings, verbatim: reviewers search for these words. The order is the document's."""

from typing import Final

from mcpassport.reference.slugs import slug

HEADINGS: Final = (
    "Overview",
    "Data flow",
    "Tenancy & isolation",
    "Authentication layers",
    "Credential handling",
    "Zero Data Retention",
    "Tool catalog",
    "Tool scope controls",
    "Pagination",
    "Rate limits & errors",
    "Failure modes",
    "Audit trail",
    "Lifecycle",
    "Client configuration",
    "Documentation quality policy",
    "Procurement checklist",
    "Shared responsibility",
    "Verify this document",
    "Changelog",
)
_BY_ANCHOR: Final = {slug(heading): heading for heading in HEADINGS}


def section_link(anchor: str) -> str:
    """Prose that links to the section of that anchor by its heading."""
    return f"[{_BY_ANCHOR[anchor]}](#{anchor})"
