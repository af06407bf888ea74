"""Load an integration, from a folder or from one document, and report every problem at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from mcpassport.catalog.naming import tool_name
from mcpassport.integrations.compile import compile_content
from mcpassport.integrations.crosscheck import Slip, crosscheck
from mcpassport.integrations.jsonvalues import rounded_ids, unusable_values
from mcpassport.integrations.marks import MarkedMap, Place, plain, where
from mcpassport.integrations.overlay import apply_overlay
from mcpassport.integrations.schema import Content, Documented, Overlay
from mcpassport.integrations.schema_examples import RecordedExample
from mcpassport.integrations.schema_findings import method_of, validate
from mcpassport.integrations.source import CONFIG_FILE, Source, read_folder
from mcpassport.records.findings import Finding, Severity
from mcpassport.records.integration import Integration


class Loaded(Struct, frozen=True):
    """What a load made: the content after the overlay, its compiled form, every finding.

    `integration` is None when an error makes the content unusable. `tree` is the content with the
    places it was written at (or without, over the API); `examples` are the recorded ones.
    """

    content: dict[str, Any]
    integration: Integration | None
    findings: tuple[Finding, ...]
    examples: tuple[dict[str, Any], ...] = ()
    tree: Any = None

    def where(self, *path: str | int) -> str:
        """`file:line`, or the JSON pointer, of a path in the content."""
        return where(self.tree if self.tree is not None else self.content, path)


def load_folder(path: Path) -> Loaded:
    """Load a folder. `InvalidIntegration` only when it, or its integration.yaml, is not there."""
    source = read_folder(path)
    tree, findings = _overlaid(source)
    return _loaded(tree, [*source.findings, *findings])


def load_content(content: Mapping[str, Any]) -> Loaded:
    """Load the document `{config, documentation}` of the management API."""
    slips = list(unusable_values(content))
    if slips:
        return Loaded(dict(content), None, tuple(_findings(content, content, slips, "error")))
    return _loaded(content, [])


def _overlaid(source: Source) -> tuple[MarkedMap, list[Finding]]:
    tree = MarkedMap(Place(CONFIG_FILE, 1))
    if source.config is not None:
        tree.put("config", source.config, source.config.place)
    tree.put("documentation", source.documentation, source.documentation.place)
    findings: list[Finding] = []
    if source.overlay is not None:
        overlay, findings = validate(Overlay, plain(source.overlay), source.overlay)
        if overlay and source.config is not None:
            tree, slips = apply_overlay(tree, overlay, source.overlay)
            findings += _findings(source.overlay, {}, slips, "error")
    if source.examples:
        tree.put("examples", source.examples, source.examples.place)
    return tree, findings


def _loaded(tree: Any, findings: list[Finding]) -> Loaded:
    whole = plain(tree)
    examples = whole.pop("examples", []) if isinstance(tree, MarkedMap) else []
    findings += _problems(whole, tree)
    if examples:
        findings += validate(list[RecordedExample], examples, tree["examples"])[1]
    integration = None
    if not any(finding.severity == "error" for finding in findings):
        integration = compile_content(whole)
        findings += _findings(tree, whole, _collisions(integration), "error")
        if any(finding.severity == "error" for finding in findings):
            integration = None
    warnings = _findings(tree, whole, rounded_ids(whole.get("documentation")), "warning")
    return Loaded(
        content=whole,
        integration=integration,
        findings=_ordered([*findings, *warnings]),
        examples=tuple(examples) if integration else (),
        tree=tree,
    )


def _problems(whole: dict[str, Any], tree: Any) -> list[Finding]:
    """Shape, then rules across parts, then values; none of them waits for another to pass."""
    readable = isinstance(tree, MarkedMap) and "config" not in tree
    shape: list[Finding] = validate(Documented if readable else Content, whole, tree)[1]
    slips = [*crosscheck(whole), *unusable_values(whole)]
    return [*shape, *_findings(tree, whole, slips, "error")]


def _collisions(integration: Integration) -> Iterator[Slip]:
    """Two methods must not become tools of one name."""
    resources = {resource.name: resource for resource in integration.resources}
    taken: dict[str, str] = {}
    for method in integration.methods:
        name = tool_name(integration.name, resources[method.resource], method.method)
        label = f"{method.resource}.{method.method}"
        if name in taken:
            yield Slip(
                ("config", "resources", method.resource, "methods", method.method),
                f"{label} and {taken[name]} would both be the tool {name}.",
                "Rename one of them, or give its resource another singular.",
            )
        taken.setdefault(name, label)


def _findings(
    tree: Any, content: Mapping[str, Any], slips: Iterable[Slip], severity: Severity
) -> list[Finding]:
    rule = "format" if severity == "error" else "rounded_id"
    return [
        Finding(
            severity,
            rule,
            where(tree, slip.path),
            slip.message,
            slip.mend,
            *method_of(content, slip.path),
        )
        for slip in slips
    ]


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by file and line; each once."""

    def rank(finding: Finding) -> tuple[bool, str, int]:
        file, _, line = finding.where.rpartition(":")
        return finding.severity != "error", file, int(line) if line.isdigit() else 0

    return tuple(sorted(dict.fromkeys(findings), key=rank))
