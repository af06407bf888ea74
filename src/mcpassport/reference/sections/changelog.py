"""Changelog: what changed between versions of this document."""

from mcpassport.reference.document import Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose


def build(context: Context) -> tuple[Node, ...]:
    """No release exists yet, and the section says so."""
    version = context.inputs.integration.version
    return (
        prose(
            f"This is an unpublished build for version {version} of the integration. No release "
            "of this document exists to compare it with. What changed between two versions of the "
            "integration is served, breaking changes first, at "
            "`GET /integration/{name}/diff?a=…&b=…` of the management API."
        ),
        *context.claims("CHG-01"),
    )
