"""Changelog: what changed between the releases of this document, breaking changes first."""

from collections.abc import Sequence

from mcpassport.records.release import ReferenceChange, Release
from mcpassport.reference.document import Node, Table
from mcpassport.reference.facts import safe
from mcpassport.reference.inputs import Context, Issue
from mcpassport.reference.writing import prose, subheading, table

SHOWN = 200
"""Changes of one release that are shown; `reference diff` prints all."""


def build(context: Context) -> tuple[Node, ...]:
    """Every release, the newest first."""
    issue = context.inputs.issue
    return (
        prose(
            "Releases have semantic numbers. Major: a tool or property is gone, a new one is "
            "required, a schema admits less, a tool does more than it did, a claim is gone or "
            "weaker or promises something else. Minor: additions. Patch: wording. Every release "
            "keeps its address and its digests."
        ),
        *_this(issue, context.inputs.integration.version),
        *(node for release in reversed(issue.history) for node in _release(release)),
        *context.claims("CHG-01"),
    )


def _this(issue: Issue, version: int) -> tuple[Node, ...]:
    if not issue.number:
        newest = f"The newest release is {issue.history[-1].number}." if issue.history else ""
        return (
            prose(
                f"This is an unpublished build for version {version} of the integration. "
                f"{newest or 'No release of this document exists to compare it with.'}"
            ),
        )
    return (
        subheading(f"Release {issue.number}, this document"),
        *_changes(issue.changes, first=not issue.history),
    )


def _release(release: Release) -> tuple[Node, ...]:
    return (
        subheading(f"Release {release.number}, {release.published_at:%Y-%m-%d}"),
        prose(f"Digest of its `reference.json`: `{release.digests['reference.json']}`."),
        *_changes(release.changes, first=release.ordinal == 1),
    )


def _changes(changes: Sequence[ReferenceChange], *, first: bool) -> tuple[Node, ...]:
    if first:
        return (prose("The first release: there is nothing to compare it with."),)
    if not changes:
        return (prose("Nothing changed but the evidence, which is newer."),)
    nodes: tuple[Node, ...] = (_table(changes[:SHOWN]),)
    if len(changes) > SHOWN:
        nodes += (prose(f"{len(changes) - SHOWN} more are in `reference diff`."),)
    return nodes


def _table(changes: Sequence[ReferenceChange]) -> Table:
    rows = [
        (each.level, each.subject, f"`{safe(each.name)}`" if each.name else "", each.text)
        for each in changes
    ]
    return table("What changed", ("Level", "Of", "Name", "Change"), rows)
