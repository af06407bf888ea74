"""From what a description says to the files of an integration."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import inflection
from msgspec.structs import replace

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.openapi.address import PathTemplate, base_url, path_template
from mcpassport.integrations.openapi.describe import Written, record
from mcpassport.integrations.openapi.model import Api, Operation, Parameter
from mcpassport.integrations.openapi.naming import Named, name_all
from mcpassport.integrations.openapi.paging import detect
from mcpassport.integrations.openapi.report import Report
from mcpassport.integrations.openapi.security import applied
from mcpassport.integrations.openapi.shapes import listed
from mcpassport.integrations.openapi.text import slug
from mcpassport.records.findings import Finding
from mcpassport.records.integration import STANDARD_METHODS, QueryArrayFormat

_NAME_MAX: Final = 40
_TAG_MAX: Final = 64
_HARMLESS: Final = frozenset({"search", "query", "find", "lookup", "count", "list"})
"""Custom methods of these words change nothing, whatever their HTTP method."""


class Mapped(NamedTuple):
    """`config` and the records of each resource, and what could not be mapped."""

    config: dict[str, Any]
    records: dict[str, list[dict[str, Any]]]
    unmapped: tuple[Finding, ...]


class Wishes(NamedTuple):
    """What the caller asks for."""

    name: str | None
    include: Sequence[str]
    base_url: str | None


def build(api: Api, wishes: Wishes, report: Report) -> Mapped:
    """The integration. `InvalidIntegration` when a wish cannot be met or no method is left."""
    url = base_url(api, wishes.base_url, report)
    chosen = _included(name_all(api.operations), wishes.include)
    usable = [item for item in chosen if item.operation.usable]
    constants = _constant_headers([item.operation for item in usable], report)
    security = applied(api, report)
    authorization = security["authorization"]
    in_query = authorization["kind"] == "query"
    fixed = {*constants, "" if in_query else authorization.get("name", "")}
    shared = Written(
        _array_format(usable),
        frozenset(map(str.lower, fixed)),
        authorization["name"] if in_query else "",
    )
    config = _head(api, wishes.name, url)
    if constants:
        config["headers"] = constants
    if shared.array_format != "repeat":
        config["query_array_format"] = shared.array_format
    config |= security
    config["pagination"] = {"kind": "none"}
    records: dict[str, list[dict[str, Any]]] = {}
    resources: dict[str, Any] = {}
    findings = _Findings(report.findings)
    for named in chosen:
        own = Report()
        own.repeat(named.operation.findings)
        path = _path(named, own)
        if named.operation.usable and path is not None:
            resource = resources.setdefault(named.resource, _resource(named.resource, usable))
            resource["methods"][named.method] = _method(named, path, own)
            records.setdefault(named.resource, []).append(record(named, path, shared, own))
        findings.add(named, own)
    if not resources:
        raise _nothing(api.file, findings.all())
    return Mapped(config | {"resources": resources}, records, findings.all())


class _Findings:
    """All findings, each once, with the method that met it first."""

    def __init__(self, general: tuple[Finding, ...]) -> None:
        self._found = {self._key(finding): finding for finding in general}

    def add(self, named: Named, report: Report) -> None:
        """Those of one operation."""
        for finding in report.findings:
            stamped = replace(finding, resource=named.resource, method=named.method)
            self._found.setdefault(self._key(finding), stamped)

    def all(self) -> tuple[Finding, ...]:
        """In the order in which they came."""
        return tuple(self._found.values())

    @staticmethod
    def _key(finding: Finding) -> tuple[str, str, str]:
        return finding.rule, finding.where, finding.message


def _included(named: list[Named], patterns: Sequence[str]) -> list[Named]:
    if not patterns:
        return named
    wanted: dict[str, None] = {}
    for pattern in patterns:
        found = [
            f"{item.resource}.{item.method}"
            for item in named
            if fnmatchcase(f"{item.resource}.{item.method}", pattern)
            or fnmatchcase(item.resource, pattern)
        ]
        if not found:
            message = f"'{pattern}' matches no method."
            names = ", ".join(sorted({item.resource for item in named}))
            mend = f"Write a resource, or resource.method, of: {names[:2000]}."
            problem = Problem("include", "include", message, mend)
            raise InvalidIntegration(f"{message} {mend}", problems=(problem,))
        wanted.update(dict.fromkeys(found))
    return [item for item in named if f"{item.resource}.{item.method}" in wanted]


def _nothing(file: str, findings: tuple[Finding, ...]) -> InvalidIntegration:
    message = f"{file} describes no operation that can be a method."
    problems = tuple(
        Problem(item.where, item.rule, item.message, item.mend) for item in findings[:100]
    )
    return InvalidIntegration(message, problems=problems)


def _head(api: Api, name: str | None, url: str) -> dict[str, Any]:
    chosen = name or slug(api.title, _NAME_MAX).removesuffix("_api") or "api"
    if slug(chosen, _NAME_MAX) != chosen.replace("-", "_"):
        message = "The name is not a slug."
        mend = f"Use lower-case letters, digits, '-' and '_', at most {_NAME_MAX} characters."
        problem = Problem("name", "name", message, mend)
        raise InvalidIntegration(f"{message} {mend}", problems=(problem,))
    head: dict[str, Any] = {"format": 1, "name": chosen, "label": api.title or chosen}
    if api.description:
        head["description"] = api.description
    link = urlsplit(api.documentation_url) if _is_plain(api.documentation_url) else None
    if link and link.scheme in {"http", "https"} and link.netloc:
        head["documentation_url"] = api.documentation_url
    return head | {"base_url": url}


def _is_plain(url: str) -> bool:
    return bool(url) and url.isascii() and url.isprintable() and not set(url) & set(" []")


def _resource(name: str, usable: list[Named]) -> dict[str, Any]:
    tags = dict.fromkeys(
        tag
        for item in usable
        if item.resource == name
        for tag in (slug(text, _TAG_MAX) for text in item.operation.tags[:1])
        if tag
    )
    result: dict[str, Any] = {
        "label": inflection.humanize(name) or name,
        "singular": slug(inflection.singularize(name)) or name,
    }
    if tags:
        result["tags"] = list(tags)
    return result | {"methods": {}}


def _path(named: Named, report: Report) -> PathTemplate | None:
    path = path_template(named.operation.path, named.item)
    if path is None:
        said = "The path cannot be written as a template with one argument per parameter."
        report.add("path", named.operation.where, said)
    return path


def _method(named: Named, path: PathTemplate, report: Report) -> dict[str, Any]:
    operation = named.operation
    if named.taken:
        said = f"The name '{named.taken}' is taken; the method is called '{named.method}'."
        report.add("name_clash", operation.where, said)
    method: dict[str, Any] = {"http": operation.http, "path": path.text}
    if named.method == "list":
        found = listed(operation.response.schema, named.resource)
        if found and found.path:
            method["response_path"] = found.path
        pages = detect(operation)
        if pages:
            method["pagination"] = pages
        else:
            said = "No pagination is described that can be told for sure; the list is one page."
            report.add("pagination", operation.where, said)
    method |= _answered(named, report)
    method |= _sent(operation, method.get("headers", {}))
    if operation.scopes:
        method["scopes"] = list(operation.scopes)
    destructive = _destructive(named)
    if destructive is not None:
        method["annotations"] = {"destructive": destructive}
    return method


def _sent(operation: Operation, headers: dict[str, str]) -> dict[str, Any]:
    """What the method says of a body that is not plain JSON."""
    body = operation.body
    if body is None:
        return {}
    if body.media_type:
        return {"headers": {**headers, "Content-Type": body.media_type}}
    return {} if body.format == "json" else {"body_format": body.format}


def _answered(named: Named, report: Report) -> dict[str, Any]:
    """What the method says of an answer that is not plain JSON."""
    response = named.operation.response
    if response.accept:
        return {"headers": {"Accept": response.accept}}
    if response.stream == "none":
        return {}
    said = "The answer is a stream; what its events say of progress, and its result, is not told."
    report.add("stream", response.where, said)
    return {"stream": response.stream}


def _destructive(named: Named) -> bool | None:
    """Stated where the method's name does not: cautious, since a description never says it."""
    if named.operation.http == "GET":
        return None
    if named.operation.http == "DELETE" or named.method == "delete":
        return True
    if named.method in STANDARD_METHODS:
        return None
    words = named.method.split("_")
    return not {words[0], words[-1]} & _HARMLESS


def _constant_headers(operations: list[Operation], report: Report) -> dict[str, str]:
    """Headers that every operation declares with one and the same default, such as a version."""
    if len(operations) < 2:  # noqa: PLR2004  # one operation cannot show that a header is common
        return {}
    seen: dict[str, list[Parameter]] = {}
    for operation in operations:
        for item in operation.parameters:
            if item.place == "header":
                seen.setdefault(item.name.lower(), []).append(item)
    found: dict[str, str] = {}
    for parameters in seen.values():
        values = {_default(item) for item in parameters}
        value = values.pop() if len(values) == 1 else None
        if value is not None and len(parameters) == len(operations):
            found[parameters[0].name] = value
            said = f"'{parameters[0].name[:60]}' is sent with every request, as '{value[:60]}'."
            report.add("constant_header", parameters[0].where, said)
    return dict(sorted(found.items()))


def _default(parameter: Parameter) -> str | None:
    value = parameter.schema.get("default") if isinstance(parameter.schema, dict) else None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    return value if value == value.strip() and value and "{{" not in value else None


def _array_format(named: list[Named]) -> QueryArrayFormat:
    """The way most lists are written into the query."""
    counted: Counter[QueryArrayFormat] = Counter(
        item.array_format
        for each in named
        for item in each.operation.parameters
        if item.array_format is not None
    )
    most: list[tuple[QueryArrayFormat, int]] = counted.most_common()
    return min(most, key=lambda pair: (-pair[1], pair[0] != "repeat"))[0] if most else "repeat"
