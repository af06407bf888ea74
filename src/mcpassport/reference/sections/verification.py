"""Verify this document: digests, and how to recompute them."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, definitions, prose, sample, subheading, table

_SETTINGS = {
    "environment": "Label of the deployment",
    "private_hosts": "Upstream hosts that may have private addresses",
    "allowed_origins": "Web origins that may call MCP servers",
    "allowed_hosts": "`Host` values that MCP servers answer to",
    "trusted_proxies": "Networks of the proxies in front, whose `X-Forwarded-For` is believed",
    "client_certificates": "How a proxy passes on client certificates",
    "default_server_ttl_days": "Days until a server expires by default",
    "audit_retention_days": "Days that audit rows are kept at least",
    "audit_durability": "What a committed audit row survives",
    "audit_volume_bytes": "What the audit trail may fill",
    "evidence_max_age_days": "Days until a run of the checks is expired",
    "publish_rule": "When a pushed version goes live",
    "workers": "Processes that serve",
}


def build(context: Context) -> tuple[Node, ...]:
    """What can be compared today, and what cannot."""
    catalog = context.inputs.catalog
    return (
        definitions(
            (
                ("Catalog digest", f"`{catalog.digest.hex()}`"),
                ("Integration content", f"`{context.inputs.integration.digest}`"),
                ("Build", f"`{context.inputs.build}`"),
                ("Signature", _signature(context)),
                ("Fingerprint of the release key", _fingerprint(context)),
                ("Evidence run", context.inputs.known.said),
            )
        ),
        *context.claims("VER-01"),
        *_verify(context),
        *_recompute(),
        subheading("Settings behind this document"),
        _settings(context),
    )


def _signature(context: Context) -> str:
    if context.inputs.issue.number:
        return "`signature.json`, a detached file beside the renderings"
    return "none: this build is not released"


def _fingerprint(context: Context) -> str:
    key = context.inputs.issue.key
    return f"`{key}`" if key else "none: no release was signed yet"


def _verify(context: Context) -> tuple[Node, ...]:
    """How a reader finds out whether this is what was signed, and by whom."""
    issue, name = context.inputs.issue, context.inputs.integration.name
    number = issue.number or (issue.history[-1].number if issue.history else "1.0.0")
    address = f"{context.inputs.facts.public_url}/reference/{name}/{number}"
    trust = issue.key or "FINGERPRINT"
    return (
        subheading("Verify the signature"),
        prose(
            "A release is signed with the vendor's release key (Ed25519): an in-toto Statement "
            "with the test-result predicate in a DSSE envelope, over `reference.json`, the HTML "
            "and Markdown renderings and the evidence, byte by byte. The key is on the machine of "
            "whoever publishes; no serving process holds it. Another key, the operations key, "
            "signs audit checkpoints, and never a release."
        ),
        prose(
            "Compare the fingerprint above with the one that the vendor gave you elsewhere: in the "
            "contract, or in DNS. Whoever can alter this page can also print another fingerprint "
            "on it, so without that comparison a signature is consistent and its signer not "
            "established. What was altered is named: a claim, a tool, a result, a rendering, the "
            "signature."
        ),
        prose(
            "The button at the head of a released page finds an alteration, not a dishonest host: "
            "who serves another page serves another script too. Served, it fetches this page and "
            "the signature anew from the same origin; opened from a file, it asks for the "
            "signature file and checks the data that the page carries."
        ),
        code("Verify", "sh", f"mcpassport reference verify {address} \\\n  --trust {trust}"),
    )


def _recompute() -> tuple[Node, ...]:
    """What a reader can work out alone, and run again."""
    return (
        subheading("Recompute the digests"),
        prose(
            "`tools/list` of your server carries `mcpassport/catalogDigest` and "
            "`mcpassport/surfaceDigest` in `_meta`, and for each tool its `visible`, its `wiring` "
            "and the path that proves its place in the catalog. A server without a filter has the "
            "catalog as its surface, so that its surface digest is the catalog digest above."
        ),
        prose(
            "`visible` is SHA-256 over the RFC 8785 JSON of `name`, `title`, `description`, "
            "`inputSchema` and `annotations`. A leaf is SHA-256 over a zero byte, `visible` and "
            "`wiring`; leaves stand in tool-name order in an RFC 9162 Merkle tree. `wiring` covers "
            "the method's whole configuration and cannot be recomputed from the outside."
        ),
        *_scripts(),
        prose(
            "This document is public at `/reference`, also as `.md`, `.json` with its "
            "`.schema.json`, `.csv` and `.server.json`. The public address serves the newest "
            "release; below it, `/current` is the build that follows the live version and settings "
            "at once, `/releases.json` lists every release and the "
            "drift, and `/feed.atom` tells of new ones. `GET /version` is public too: it names the "
            "version, a digest over the installed files, a digest over settings, and the catalog "
            "digest of each integration. The same settings, catalog and clock give the same bytes "
            "of this document in every format."
        ),
        prose(
            "A check can be run again by whoever has the same build and the integration's folder, "
            "without access to this deployment: `mcpassport evidence run FOLDER`. It names the "
            "digests of build, settings and catalog, what it put in place of the deployment's own, "
            "what each check saw, and whether it caught the fault that was planted for it."
        ),
    )


def _scripts() -> tuple[Node, ...]:
    """Short programs of a buyer's, each executed by a test."""
    return (
        code(
            "Recompute visible of every tool (Python): visible.py URL",
            "python",
            sample("visible.py"),
        ),
        prose(
            "The next one reads an answer of `tools/list` from standard input and recomputes the "
            "surface digest too."
        ),
        code("Recompute visible and surface digests", "python", sample("verify_tools.py")),
    )


def _settings(context: Context) -> Table:
    rows = (
        ("`public_url`", "Address of MCP servers", f"`{context.texts['public_url']}`"),
        *((f"`{name}`", meaning, context.texts[name]) for name, meaning in _SETTINGS.items()),
        (
            "`allow_unexpiring_servers`",
            "Servers without expiry may be created",
            "yes" if context.inputs.facts.allow_unexpiring_servers else "no",
        ),
    )
    return table(
        "Settings in force; limits stand under Rate limits & errors",
        ("Setting", "Meaning", "Value"),
        rows,
    )
