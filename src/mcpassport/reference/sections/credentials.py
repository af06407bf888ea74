"""Credential handling: where secrets live and who can read them."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.kinds import authorization_words
from mcpassport.reference.writing import prose, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """Storage, disclosure, rotation."""
    return (
        subheading("Token storage at rest"),
        prose(
            "Upstream credentials must be usable, so they are encrypted; tokens that are issued "
            "here need only be recognised, so only a keyed hash is kept."
        ),
        *context.claims("CRE-12", "CRE-01", "CRE-02", "CRE-03", "CRE-06"),
        _secrets(context.texts["keys_place"]),
        subheading("Accounts connected by OAuth"),
        *context.claims("CRE-14", "CRE-15", "CRE-07"),
        subheading("Who can read tokens"),
        *context.claims("CRE-05", "CRE-09", "CRE-19"),
        prose(
            "The credential travels to the upstream API "
            f"{authorization_words(context.inputs.integration.authorization)}."
        ),
        subheading("One-time disclosure"),
        *context.claims("CRE-04"),
        subheading("Key rotation"),
        *context.claims("CRE-08", "CRE-10", "CRE-11", "CRE-13"),
        prose(
            "An upstream credential is replaced with `PATCH /integrated-account/{id}`; calls use "
            "the new one from the next request on."
        ),
    )


def _secrets(keys_place: str) -> Table:
    rows = (
        (
            "Upstream credential",
            "AES-256-GCM under the tenant's data key; tenant and account as associated data",
            "The process, for the duration of one call",
        ),
        (
            "Server token, API token",
            "HMAC-SHA256 under the token key",
            "Nobody after its creation",
        ),
        (
            "Data and fingerprint key of a tenant, token key",
            f"Wrapped by the master key (AES-256-GCM), {keys_place}",
            "The process, which reads an unwrapped key again after at most 60 s",
        ),
        (
            "Master key",
            "A file that only its owner may read, or a variable of the environment",
            "The operator of the deployment, the process",
        ),
    )
    return table("Secrets at rest", ("Secret", "Stored as", "Readable by"), rows)
