"""The quality gate: what is not a tool and why, what is one but should be better, and a score.

Errors come from the catalog: a method it dropped. Warnings leave the tool and lower the score,
which is 100 minus the weights of all findings, never under 0.
"""

import re
from collections.abc import Iterator

from msgspec import Struct, structs

from mcpassport.catalog.build import build
from mcpassport.catalog.rules import RULES
from mcpassport.integrations.lint_examples import example_slips
from mcpassport.integrations.lint_rules import WARNINGS, weight_of
from mcpassport.integrations.lint_schemas import schema_slips
from mcpassport.integrations.load import Loaded
from mcpassport.integrations.schema_findings import method_of
from mcpassport.records.findings import Finding
from mcpassport.records.integration import Documentation, Integration
from mcpassport.records.tool import Catalog, Dropped, Tool

NAME_CHARS_GOOD = 40
_WORDS_LEAST = 4
_ABOUT_THE_METHOD = frozenset({"no_record", "path_placeholder", "name_collision"})


class Report(Struct, frozen=True):
    """The verdict of the gate. Without `catalog` the input is unusable and the score 0."""

    findings: tuple[Finding, ...]
    score: int
    catalog: Catalog | None = None

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)


def check(loaded: Loaded) -> Report:
    """Judge what was loaded; the findings of the load come first."""
    integration = loaded.integration
    if integration is None:
        return Report(loaded.findings, 0)
    catalog = build(integration)
    findings = [
        *loaded.findings,
        *(_dropped(loaded, integration, item) for item in catalog.dropped),
        *(_warning(loaded, path, rule, said) for path, rule, said in _warnings(loaded, catalog)),
    ]
    lost = sum(weight_of(finding.severity, finding.rule) for finding in findings)
    return Report(tuple(findings), max(0, 100 - lost), catalog)


def with_examples(report: Report, findings: tuple[Finding, ...]) -> Report:
    """The same report with what running the examples found, which counts like what was dropped."""
    lost = sum(weight_of(finding.severity, finding.rule) for finding in findings)
    return structs.replace(
        report, findings=(*findings, *report.findings), score=max(0, report.score - lost)
    )


def strict(report: Report) -> Report:
    """The same report with warnings as errors; the score is unchanged."""
    raised = tuple(structs.replace(finding, severity="error") for finding in report.findings)
    return structs.replace(report, findings=raised)


def _dropped(loaded: Loaded, integration: Integration, item: Dropped) -> Finding:
    method_path = ("config", "resources", item.resource, "methods", item.method)
    index = record_index(integration, item.resource, item.method)
    record_path = ("documentation", index or 0)
    at_method = index is None or item.rule in _ABOUT_THE_METHOD
    mend = RULES.get(item.rule, "Mend what the message names.")
    return Finding(
        "error",
        item.rule,
        loaded.where(*(method_path if at_method else record_path)),
        f"{item.resource}.{item.method} is not a tool: {item.reason.removesuffix(mend).strip()}",
        mend,
        item.resource,
        item.method,
    )


def record_index(integration: Integration, resource: str, method: str) -> int | None:
    """The position of a method's record in the documentation."""
    for index, record in enumerate(integration.documentation):
        if (record.resource, record.method) == (resource, method):
            return index
    return None


Slip = tuple[tuple[str | int, ...], str, str]


def _warning(loaded: Loaded, path: tuple[str | int, ...], rule: str, said: str) -> Finding:
    resource, method = method_of({**loaded.content, "examples": loaded.examples}, path)
    return Finding(
        "warning", rule, loaded.where(*path), said, WARNINGS[rule].mend, resource, method
    )


def _warnings(loaded: Loaded, catalog: Catalog) -> Iterator[Slip]:
    integration = loaded.integration
    if integration is None:
        return
    tools = {(tool.method.resource, tool.method.method): tool for tool in catalog.tools}
    methods = {(method.resource, method.method) for method in integration.methods}
    for index, record in enumerate(integration.documentation):
        name = (record.resource, record.method)
        path: tuple[str | int, ...] = ("documentation", index)
        if name not in methods:
            yield path, "unused_record", f"There is no method {name[0]}.{name[1]}."
        elif name in tools:
            yield from _description(path, record)
            yield from schema_slips(path, record, tools[name].method)
            yield from example_slips((*path, "examples"), record.examples, tools[name], record)
    for tool in catalog.tools:
        yield from _method(loaded, integration, tool)
    yield from _recorded(loaded, integration, catalog)


def _description(path: tuple[str | int, ...], record: Documentation) -> Iterator[Slip]:
    words = re.findall(r"\w+", record.description.lower())
    same = record.title is not None and words == re.findall(r"\w+", record.title.lower())
    if same or len(words) < _WORDS_LEAST:
        yield (
            (*path, "description"),
            "generic_description",
            f"The description of {record.resource}.{record.method} says no more than its name.",
        )


def _method(loaded: Loaded, integration: Integration, tool: Tool) -> Iterator[Slip]:
    method = tool.method
    label = f"{method.resource}.{method.method}"
    path = ("config", "resources", method.resource, "methods", method.method)
    entry = loaded.content["config"]["resources"][method.resource]["methods"][method.method]
    stated = entry.get("annotations", {}).get("destructive") is not None
    if method.annotations.destructive and method.method != "update" and not stated:
        yield path, "destructive_unannotated", f"{label} may destroy data and does not say so."
    if method.method == "list" and method.pagination.kind == "none":
        yield path, "unpaginated_list", f"{label} is a list without pagination."
    if method.stream != "none" and method.progress is None:
        yield path, "silent_stream", f"{label} streams and reports no progress."
    if method.requires_client_capabilities:
        said = f"{label} can only be called by clients of the newest revision."
        yield path, "modern_only", said
    oauth = any(item.kind.startswith("oauth2") for item in integration.credentials)
    if oauth and not method.scopes:
        yield path, "oauth_without_scopes", f"{label} names no OAuth scopes."
    if len(tool.name) > NAME_CHARS_GOOD:
        yield path, "long_name", f"The tool name {tool.name} has {len(tool.name)} characters."


def _recorded(loaded: Loaded, integration: Integration, catalog: Catalog) -> Iterator[Slip]:
    tools = {(tool.method.resource, tool.method.method): tool for tool in catalog.tools}
    for index, example in enumerate(loaded.examples):
        name = (example["resource"], example["method"])
        position = record_index(integration, *name)
        if name not in tools or position is None:
            said = f"{name[0]}.{name[1]} is not a tool."
            yield ("examples", index), "example_mismatch", said
            continue
        record = integration.documentation[position]
        yield from example_slips(("examples",), (example,), tools[name], record, index)
