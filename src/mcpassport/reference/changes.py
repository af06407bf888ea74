"""What changed between two documents, and the number that the newer one must have.

Major: a tool or property is gone, a new one is required, a schema admits less, a tool does more
than it did, a claim is gone, weaker, or promises something else. Minor: what is added, a claim that
is known better, a setting that no claim prints. Patch: wording.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from mcpassport.evidence.claims import Grade
from mcpassport.integrations.diff import input_changes
from mcpassport.integrations.narrowing import narrows
from mcpassport.records.release import ChangeLevel, ReferenceChange
from mcpassport.reference.document import ClaimNode, Document, Section, ToolNode
from mcpassport.reference.facts import safe

LEVELS: Final[tuple[ChangeLevel, ...]] = ("major", "minor", "patch")
FIRST: Final = "1.0.0"
_STRENGTH: Final[dict[Grade, int]] = {
    "live": 5,
    "sandbox": 4,
    "stated": 3,
    "expired": 2,
    "not verified": 1,
    "not available in this version": 0,
}
_ACCESS: Final = {"read": 0, "write": 1, "destructive": 2}
_OF_THE_RELEASE: Final = frozenset({"changelog", "verify-this-document"})
"""Sections that tell of the release itself, and so differ in every one."""
_MEMBERS: Final = {
    "protocol_revisions": "MCP revision",
    "transports": "transport",
    "method_surface": "JSON-RPC method",
}


def changes_between(old: Document, new: Document) -> tuple[ReferenceChange, ...]:
    """Every difference that a reviewer could care about, breaking ones first."""
    found = [*_protocol(old, new), *_tools(old, new), *_claims(old, new), *_settings(old, new)]
    found += _sections(old, new)
    order = {level: place for place, level in enumerate(LEVELS)}
    return tuple(sorted(found, key=lambda each: (order[each.level], each.subject, each.name)))


def number_after(number: str, changes: tuple[ReferenceChange, ...]) -> str:
    """The semantic number that follows: raised at the level of the gravest change."""
    major, minor, patch = (int(part) for part in number.split("."))
    levels = {change.level for change in changes}
    if "major" in levels:
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if "minor" in levels else f"{major}.{minor}.{patch + 1}"


def _protocol(old: Document, new: Document) -> Iterator[ReferenceChange]:
    for member, word in _MEMBERS.items():
        before, after = getattr(old, member), getattr(new, member)
        for each in sorted(set(before) - set(after)):
            yield ReferenceChange("major", "protocol", each, f"The {word} `{each}` is gone.")
        for each in sorted(set(after) - set(before)):
            yield ReferenceChange("minor", "protocol", each, f"The {word} `{each}` is new.")
    if old.deployment_url != new.deployment_url:
        text = f"The deployment moved from `{old.deployment_url}` to `{new.deployment_url}`."
        yield ReferenceChange("major", "protocol", "deployment_url", text)


def tools_of(document: Document) -> dict[str, ToolNode]:
    """The tools of a document by name."""
    return {
        node.name: node
        for section in document.sections
        for node in section.nodes
        if isinstance(node, ToolNode)
    }


def claims_of(document: Document) -> dict[str, ClaimNode]:
    """The claims of a document by id."""
    return {
        node.id: node
        for section in document.sections
        for node in section.nodes
        if isinstance(node, ClaimNode)
    }


def _tools(old: Document, new: Document) -> Iterator[ReferenceChange]:
    before, after = tools_of(old), tools_of(new)
    for name in sorted(before.keys() - after.keys()):
        yield ReferenceChange("major", "tool", name, "The tool is gone.")
    for name in sorted(after.keys() - before.keys()):
        yield ReferenceChange("minor", "tool", name, f"A new tool: {safe(after[name].title)}.")
    for name in sorted(before.keys() & after.keys()):
        yield from _tool(before[name], after[name])


def _tool(old: ToolNode, new: ToolNode) -> Iterator[ReferenceChange]:
    if (old.visible, old.wiring) == (new.visible, new.wiring):
        return
    told = [*_input(old, new), *_powers(old, new), *_words(old, new)]
    yield from told
    if not told:
        yield ReferenceChange("minor", "tool", new.name, "Its request is made in another way.")


def _input(old: ToolNode, new: ToolNode) -> Iterator[ReferenceChange]:
    for change in input_changes(("input",), old.input_schema, new.input_schema):
        name = change.path.removeprefix("/input/").removesuffix(_REQUIRED)
        what = f"Property `{safe(name)}`" if name else "The input as a whole"
        if change.breaking:
            text = f"{what} {_BREAKING[change.kind]}."
            yield ReferenceChange("major", "tool", new.name, text)
        elif _only_words(change.before, change.after):
            text = f"{what} is described in other words."
            yield ReferenceChange("patch", "tool", new.name, text)
        else:
            text = f"{what} {'is new' if change.kind == 'added' else 'admits more'}."
            yield ReferenceChange("minor", "tool", new.name, text)


_REQUIRED: Final = "/required"
_BREAKING: Final = {
    "removed": "is gone",
    "added": "is new and required",
    "changed": "admits less, or is required now",
}
_WORDS: Final = frozenset({"title", "description", "examples", "default", "deprecated"})


def _only_words(before: Any, after: Any) -> bool:
    """Whether two schemas admit the same, as far as their members tell."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return False
    kept = [{key: each[key] for key in each if key not in _WORDS} for each in (before, after)]
    return kept[0] == kept[1]


def _powers(old: ToolNode, new: ToolNode) -> Iterator[ReferenceChange]:
    """What the tool may do, needs, and answers."""
    if old.access != new.access:
        more = _ACCESS[new.access] > _ACCESS[old.access]
        text = f"It is `{new.access}` now; it was `{old.access}`."
        yield ReferenceChange("major" if more else "minor", "tool", new.name, text)
    for member, word in (("scopes", "upstream scope"), ("requires", "client capability")):
        before, after = set(getattr(old, member)), set(getattr(new, member))
        for each in sorted(after - before):
            text = f"It needs the {word} `{safe(each)}` now."
            yield ReferenceChange("major", "tool", new.name, text)
        for each in sorted(before - after):
            text = f"It no longer needs the {word} `{safe(each)}`."
            yield ReferenceChange("minor", "tool", new.name, text)
    if old.upstream.hosts != new.upstream.hosts:
        text = f"It reaches {', '.join(f'`{safe(host)}`' for host in new.upstream.hosts)} now."
        yield ReferenceChange("major", "tool", new.name, text)
    if old.output_schema != new.output_schema:
        wider = old.output_schema is not None and narrows(
            True if new.output_schema is None else new.output_schema, old.output_schema
        )
        yield ReferenceChange(
            "major" if wider else "minor", "tool", new.name, "Its answers have another schema."
        )


def _words(old: ToolNode, new: ToolNode) -> Iterator[ReferenceChange]:
    if (old.title, old.description) != (new.title, new.description):
        yield ReferenceChange("patch", "tool", new.name, "The model reads other words about it.")
    if old.deprecated != new.deprecated:
        text = "It is deprecated." if new.deprecated else "It is no longer deprecated."
        yield ReferenceChange("minor", "tool", new.name, text)
    if old.tags != new.tags:
        # A filter by tag lets other tools through than before.
        yield ReferenceChange("major", "tool", new.name, "Its tags changed, and so do filters.")


def _claims(old: Document, new: Document) -> Iterator[ReferenceChange]:
    before, after = claims_of(old), claims_of(new)
    for name in sorted(before.keys() - after.keys()):
        yield ReferenceChange("major", "claim", name, "The claim is gone.")
    for name in sorted(after.keys() - before.keys()):
        yield ReferenceChange("minor", "claim", name, f"A new claim, {after[name].grade}.")
    for name in sorted(before.keys() & after.keys()):
        yield from _claim(before[name], after[name], old, new)


def _claim(
    old: ClaimNode, new: ClaimNode, before: Document, after: Document
) -> Iterator[ReferenceChange]:
    if old.grade != new.grade:
        weaker = _STRENGTH[new.grade] < _STRENGTH[old.grade]
        text = f"It is {new.grade} now; it was {old.grade}."
        yield ReferenceChange("major" if weaker else "minor", "claim", new.id, text)
    if old.sentence == new.sentence:
        return
    moved = [
        name
        for name in {*old.settings, *new.settings}
        if name not in _COUNTS and before.facts.get(name) != after.facts.get(name)
    ]
    if moved:
        # Nobody but a reader can tell a stronger promise from a weaker one.
        text = f"It promises something else, since {_listed(moved)} changed."
        yield ReferenceChange("major", "claim", new.id, text)
    else:
        yield ReferenceChange("patch", "claim", new.id, "It is put in other words.")


_COUNTS: Final = frozenset({"integration_version", "tool_count", "catalog_digest"})
"""Facts of the catalog that change with it and promise nothing."""


def _settings(old: Document, new: Document) -> Iterator[ReferenceChange]:
    printed = {name for node in claims_of(new).values() for name in node.settings}
    for name in sorted(old.facts.keys() | new.facts.keys()):
        before, after = old.facts.get(name, "none"), new.facts.get(name, "none")
        if before != after and name not in printed and name not in _COUNTS:
            text = f"Was: {before or 'none'}. Now: {after or 'none'}."
            yield ReferenceChange("minor", "setting", name, text)


def _sections(old: Document, new: Document) -> Iterator[ReferenceChange]:
    before = {section.anchor: _wording(section) for section in old.sections}
    for section in new.sections:
        if section.anchor in _OF_THE_RELEASE:
            continue
        if section.anchor not in before:
            text = f"A new section: {section.heading}."
            yield ReferenceChange("minor", "section", section.anchor, text)
        elif before[section.anchor] != _wording(section):
            text = f"The section {section.heading} reads differently."
            yield ReferenceChange("patch", "section", section.anchor, text)


def _wording(section: Section) -> bytes:
    """What of a section is neither claim nor tool, since those are compared one by one."""
    rest = [node for node in section.nodes if not isinstance(node, ClaimNode | ToolNode)]
    return msgspec.json.encode(rest)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
