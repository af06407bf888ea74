"""A tool compiled for calling: parsed once, used for every call of the same wiring."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpassport.errors import InvalidIntegration
from mcpassport.expressions import Expression, Template, compile_expression, parse_template
from mcpassport.records.integration import Method
from mcpassport.records.tool import EVERY_OTHER, Route, Tool
from mcpassport.upstream.address import Address
from mcpassport.upstream.auth import AUTHORIZATIONS
from mcpassport.upstream.bodies import BODY_FORMATS
from mcpassport.upstream.bodies.encoded import WHOLE, File, Members, files_of
from mcpassport.upstream.content import Content
from mcpassport.upstream.paging import PAGINATIONS
from mcpassport.upstream.ratelimit import map_source
from mcpassport.upstream.streams import Streaming

CACHED_WIRINGS: Final = 2_048
ACCEPT_JSON: Final = "application/json"
ACCEPT_ANY: Final = "application/json, */*;q=0.5"
"""Of methods that declare blocks; `headers` of the integration may say better."""


class Wiring:
    """Everything of a tool that does not depend on the call.

    Raises:
        InvalidIntegration: the method names a kind that this version lacks.
        InvalidExpression: an expression or a template of it does not compile.
    """

    def __init__(self, tool: Tool) -> None:
        method = tool.method
        self.name = f"{method.resource}.{method.method}"
        self.method = method
        self._route(tool)
        self.input_schema = tool.input_schema
        self.is_list = method.method == "list"
        self.address = Address(method.base_url, method.path, method.allowed_hosts, self.name)
        self.query, self.secret_query = _split(method.query, f"{self.name} query")
        self.headers, self.secret_headers = _split(method.headers, f"{self.name} headers")
        self.body = method.body
        _check_templates(method.body, f"{self.name} body")
        self.sends_body = method.body is not None or any(
            route.part == "body" for route in tool.routes
        )
        self.request = _compiled(method.request, f"{self.name} request")
        self.response = _compiled(method.response, f"{self.name} response")
        self.content = Content(method.content, self.name) if method.content else None
        self.streaming = None if method.stream == "none" else Streaming(method, self.name)
        self.accept = ACCEPT_JSON if self.content is None else ACCEPT_ANY
        if self.streaming is not None:
            self.accept = self.streaming.accept
        self.tool = tool
        self.maps_json = self.is_list or tool.output_schema is not None or self._maps(method)
        self.errors = _compiled(method.errors, f"{self.name} errors")
        self.ratelimit = _compiled(
            map_source(method.rate_limit) if method.rate_limit else None, f"{self.name} rate_limit"
        )
        self._secrets(method)
        self.paging = _kind(PAGINATIONS, method.pagination.kind, self.name)
        # Bound into sealed cursors: a cursor of another style is no cursor of this one.
        self.cursor_scope = f"{self.name} {method.pagination.kind}"
        for slot in ("first", "next"):
            _compiled(getattr(method.pagination, slot), f"{self.name} pagination {slot}")
        self.body_format = _kind(BODY_FORMATS, method.body_format, self.name)
        self.members = Members(method.query_array_format, self._files(tool))

    def _secrets(self, method: Method) -> None:
        """Whose names nothing but the credential may set."""
        self.authorization = _kind(AUTHORIZATIONS, method.authorization.kind, self.name)
        names = (*self.authorization.headers(method.authorization), *self.secret_headers)
        self.secret_header_names = tuple(dict.fromkeys(name.lower() for name in names))
        names = (*self.authorization.query(method.authorization), *self.secret_query)
        self.secret_query_names = tuple(dict.fromkeys(names))
        if method.authorization.kind == "expression":
            _compiled(method.authorization.value or "", f"{self.name} authorization")

    @staticmethod
    def _maps(method: Method) -> bool:
        return method.response is not None or method.response_path is not None

    def _route(self, tool: Tool) -> None:
        """Where each argument goes, after what the templates place themselves."""
        method = tool.method
        placed = frozenset(
            (*_arguments(method.query), *_arguments(method.headers), *_arguments(method.body))
        )
        # What a template places is not sent a second time by its route.
        self.routes = tuple(
            route
            for route in tool.routes
            if route.part in {"path", "paging"} or route.property not in placed
        )
        self._known = placed | {route.property for route in tool.routes}
        self._others = next(
            (route.part for route in tool.routes if route.property == EVERY_OTHER), None
        )
        self._path_names = tuple(
            (route.property, route.name)
            for route in tool.routes
            if route.part == "path" and route.name not in {None, route.property}
        )

    def _files(self, tool: Tool) -> dict[str, File]:
        """The members of the body that are files, by their names in it.

        Those of the record's body; and of a template's members those that place such an argument.
        """
        properties = tool.input_schema.get("properties", {})
        given = files_of(
            {r.property: properties.get(r.property) for r in tool.routes if r.part == "body"},
            tool.input_schema,
        )
        named = {
            WHOLE if route.name is None else route.name: given[route.property]
            for route in tool.routes
            if route.property in given
        }
        placed = self.body if isinstance(self.body, Mapping) else {WHOLE: self.body}
        for name, value in placed.items():
            argument = _only_argument(value)
            if argument in given:
                named[name] = given[argument]
        return named

    def undeclared(self, arguments: Mapping[str, Any]) -> Iterator[Route]:
        """Routes of the arguments that the schema admits without declaring them."""
        if self._others is not None:
            for name in arguments:
                if name not in self._known:
                    yield Route(name, self._others, name)

    def path_values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that stand in the path, in its order."""
        names = (p.path[0] for p in parse_template(self.method.path, self.name).placeholders)
        return {name: arguments[name] for name in names if name in arguments}

    def seen(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as templates and expressions see them: path names beside `id_param`."""
        if not self._path_names:
            return arguments
        named = {name: arguments[given] for given, name in self._path_names if given in arguments}
        return {**arguments, **named}


class Wirings:
    """The compiled tools of this process, by both digests; the least recently used go first."""

    def __init__(self) -> None:
        self._by_digest: OrderedDict[bytes, Wiring] = OrderedDict()

    def of(self, tool: Tool) -> Wiring:
        """The wiring of that tool."""
        key = tool.wiring + tool.visible
        wiring = self._by_digest.get(key)
        if wiring is None:
            wiring = self._by_digest[key] = Wiring(tool)
            if len(self._by_digest) > CACHED_WIRINGS:
                self._by_digest.popitem(last=False)
        else:
            self._by_digest.move_to_end(key)
        return wiring


def _split(templates: Mapping[str, Any], slot: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values without and with `{{credentials.…}}`; texts of the former are parsed."""
    plain: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    for name, value in templates.items():
        scopes = {
            placeholder.scope
            for template in _templates(value, f"{slot} {name}")
            for placeholder in template.placeholders
        }
        if "credentials" in scopes:
            secret[name] = value
        else:
            plain[name] = parse_template(value, slot) if isinstance(value, str) else value
    return plain, secret


def _arguments(value: Any) -> Iterator[str]:
    """Names of the arguments that templates place."""
    for template in _templates(value, "template"):
        for placeholder in template.placeholders:
            if placeholder.scope == "args":
                yield placeholder.path[0]


def _only_argument(value: Any) -> str:
    """The argument that a template is, whole; empty if it is anything else."""
    parts = parse_template(value, "body").parts if isinstance(value, str) else ()
    only = parts[0] if len(parts) == 1 else ""
    if isinstance(only, str) or only.scope != "args" or len(only.path) != 1:
        return ""
    return only.path[0]


def _check_templates(value: Any, slot: str) -> None:
    for template in _templates(value, slot):
        if any(placeholder.scope == "credentials" for placeholder in template.placeholders):
            raise InvalidIntegration(f"{slot}: credentials stand in headers and query only.")


def _templates(value: Any, slot: str) -> Iterator[Template]:
    if isinstance(value, str):
        yield parse_template(value, slot)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _templates(member, slot)
    elif isinstance(value, list | tuple):
        for element in value:
            yield from _templates(element, slot)


def _compiled(source: str | None, slot: str) -> Expression | None:
    return None if source is None else compile_expression(source, slot)


def _kind(table: Mapping[str, Any], kind: str, slot: str) -> Any:
    if kind not in table:
        raise InvalidIntegration(f"{slot}: '{kind}' is not in this version.")
    return table[kind]
