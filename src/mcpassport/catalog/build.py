"""Catalog = integration ∩ documentation records: every `(resource, method)` a tool, or dropped."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from mcpassport.catalog import digest
from mcpassport.catalog.bodies import check_body_format
from mcpassport.catalog.merge import merge
from mcpassport.catalog.naming import tool_name
from mcpassport.catalog.output import output_schema
from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import check_numbers
from mcpassport.records.integration import Documentation, Integration, Method, Resource
from mcpassport.records.tool import Catalog, Dropped, Tool

_TITLES: Mapping[str, str] = {
    "list": "List {plural}",
    "get": "Get {singular}",
    "create": "Create {singular}",
    "update": "Update {singular}",
    "delete": "Delete {singular}",
}


def build(integration: Integration) -> Catalog:
    """All tools of an integration version, in tool-name order, and what was dropped, with why.

    A pure function of its argument. Nothing raises for what people wrote: a method that cannot be
    a tool is `Dropped` with a rule of `RULES`, and the loader decides what to make of it. Of tools
    whose names collide all are dropped, so that no name ever means one thing by accident of order.
    """
    resources = {resource.name: resource for resource in integration.resources}
    records = _by_method(integration.documentation)
    tools: list[Tool] = []
    dropped: list[Dropped] = []
    for method in integration.methods:
        try:
            record = _record(method, records)
            tools.append(_tool(integration.name, resources[method.resource], method, record))
        except MergeError as error:
            dropped.append(Dropped(method.resource, method.method, error.rule, str(error)))
    uses = Counter(tool.name for tool in tools)
    dropped.extend(_collision(tool) for tool in tools if uses[tool.name] > 1)
    kept = tuple(sorted((t for t in tools if uses[t.name] == 1), key=lambda tool: tool.name))
    return Catalog(
        integration=integration.name,
        label=integration.label,
        version=integration.version,
        tools=kept,
        dropped=tuple(dropped),
        digest=digest.root([digest.leaf(tool) for tool in kept]),
    )


def _by_method(
    records: Iterable[Documentation],
) -> dict[tuple[str, str], list[Documentation]]:
    found: dict[tuple[str, str], list[Documentation]] = {}
    for record in records:
        found.setdefault((record.resource, record.method), []).append(record)
    return found


def _record(
    method: Method, records: Mapping[tuple[str, str], list[Documentation]]
) -> Documentation:
    found = records.get((method.resource, method.method), [])
    if not found:
        raise MergeError("no_record", "Nothing describes this method.")
    if len(found) > 1:
        raise MergeError("duplicate_record", f"{len(found)} records describe this method.")
    if not found[0].description.strip():
        raise MergeError("empty_description", "The description is empty.")
    return found[0]


def _tool(integration: str, resource: Resource, method: Method, record: Documentation) -> Tool:
    merged = merge(method, record)
    check_body_format(method, record)
    tool = Tool(
        name=tool_name(integration, resource, method.method),
        title=record.title or _title(resource, method.method),
        description=record.description,
        input_schema=merged.input_schema,
        output_schema=output_schema(method, record),
        annotations=method.annotations,
        tags=tuple(dict.fromkeys((*resource.tags, *method.tags))),
        scopes=method.scopes,
        routes=merged.routes,
        method=method,
        deprecated=record.deprecated,
        visible=b"",
        wiring=b"",
    )
    check_numbers(msgspec.to_builtins(method), f"{method.resource}.{method.method}")
    try:
        return msgspec.structs.replace(
            tool, visible=digest.visible(tool), wiring=digest.wiring(tool)
        )
    except ValueError:
        # What is left after the number checks: text that is not Unicode (lone surrogates).
        raise MergeError(
            "invalid_schema", "A title, description or value is not valid Unicode text."
        ) from None


def _title(resource: Resource, method: str) -> str:
    words = method.replace("_", " ").replace("-", " ").capitalize()
    pattern = _TITLES.get(method, f"{words}: {{plural}}")
    singular = resource.singular.replace("_", " ").replace("-", " ")
    return pattern.format(plural=resource.label.lower(), singular=singular)


def _collision(tool: Tool) -> Dropped:
    error = MergeError("name_collision", f"Another method makes the tool name {tool.name!r} too.")
    return Dropped(tool.method.resource, tool.method.method, error.rule, str(error))
