"""One flat input per tool."""

import copy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.catalog.merge import Merged, merge
from mcpassport.catalog.rules import RULES, MergeError
from mcpassport.limits import CURSOR_DESCRIPTION, NEXT_CURSOR_MAX_CHARS
from mcpassport.records.integration import (
    Annotations,
    Authorization,
    Documentation,
    Method,
    Pagination,
)
from mcpassport.records.tool import Route

TEXT = {"type": "string"}
CURSOR = Pagination("cursor", limit_param="per_page", cursor_param="after", cursor_path="next")


def method(name: str = "search", path: str = "/contacts", **changes: Any) -> Method:
    defaults: dict[str, Any] = {
        "resource": "contacts",
        "method": name,
        "http": "POST",
        "base_url": "https://api.example.com",
        "path": path,
        "authorization": Authorization("bearer"),
        "pagination": Pagination("none"),
        "annotations": Annotations(read_only=False, destructive=True, idempotent=False),
    }
    return Method(**{**defaults, **changes})


def merged(own: Method | None = None, **schemas: Any) -> Merged:
    own = own or method()
    return merge(
        own, Documentation(resource="contacts", method=own.method, description="", **schemas)
    )


def objects(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def routes(result: Merged) -> dict[str, tuple[str, str | None]]:
    return {route.property: (route.part, route.name) for route in result.routes}


def rule_of(own: Method | None = None, **schemas: Any) -> str:
    with pytest.raises(MergeError) as caught:
        merged(own, **schemas)
    assert caught.value.mend == RULES[caught.value.rule]
    assert str(caught.value).endswith(caught.value.mend)
    return caught.value.rule


def test_parts_become_one_closed_object() -> None:
    """Path, query, header and body properties stand side by side, each with its way back."""
    result = merged(
        method(path="/x/{{args.kind}}"),
        path_schema={**objects(kind={"enum": ["a", "b"]}), "required": ["kind"]},
        query_schema=objects(dry={"type": "boolean"}),
        header_schema=objects(**{"X-Reason": TEXT}),
        body_schema={**objects(name=TEXT, age={"type": "integer"}), "required": ["name"]},
    )
    assert result.input_schema == {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "dry": {"type": "boolean"},
            "X-Reason": TEXT,
            "name": TEXT,
            "age": {"type": "integer"},
        },
        "required": ["kind", "name"],
        "additionalProperties": False,
    }
    assert routes(result) == {
        "kind": ("path", "kind"),
        "dry": ("query", "dry"),
        "X-Reason": ("header", "X-Reason"),
        "name": ("body", "name"),
        "age": ("body", "age"),
    }
    assert (result.notes, result.verbatim) == ((), False)


def test_a_method_without_arguments_takes_a_closed_empty_object() -> None:
    """No schema at all admits nothing."""
    assert merged().input_schema == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("id_param", "path_schema", "expected"),
    [
        ("id", None, {"type": "string", "minLength": 1}),
        ("id", objects(), {"type": "string", "minLength": 1}),
        ("id", objects(id={"type": "integer"}), {"type": "integer"}),
        ("number", None, {"type": "string", "minLength": 1}),
        ("number", objects(number={"type": "integer"}), {"type": "integer"}),
        ("number", objects(id={"type": "integer"}), {"type": "integer"}),
    ],
)
def test_the_id_of_the_path_is_implied_and_may_be_renamed(
    id_param: str, path_schema: Any, expected: Any
) -> None:
    """`id` has a default schema and is required; `id_param` names the property, not the path."""
    result = merged(
        method("get", "/x/{{args.id}}", id_param=id_param, http="GET"), path_schema=path_schema
    )
    assert result.input_schema["properties"] == {id_param: expected}
    assert result.input_schema["required"] == [id_param]
    assert routes(result) == {id_param: ("path", "id")}


def test_only_args_of_the_path_are_arguments() -> None:
    """A placeholder of the account's context is no argument; one used twice is one argument."""
    result = merged(
        method(path="/{{context.org}}/{{args.a}}/{{args.a:str}}"), path_schema=objects(a=TEXT)
    )
    assert routes(result) == {"a": ("path", "a")}


def test_a_second_declaration_of_a_name_is_prefixed_and_mapped_back() -> None:
    """The path keeps the bare name; query, header and body follow under their part's name."""
    result = merged(
        method("update", "/x/{{args.id}}"),
        query_schema=objects(id=TEXT),
        header_schema=objects(id=TEXT),
        body_schema={**objects(id=TEXT, name=TEXT), "required": ["id"]},
    )
    assert routes(result) == {
        "id": ("path", "id"),
        "query_id": ("query", "id"),
        "header_id": ("header", "id"),
        "body_id": ("body", "id"),
        "name": ("body", "name"),
    }
    assert result.input_schema["required"] == ["id", "body_id"]
    assert len(result.notes) == 3
    assert "'query_id'" in result.notes[0]


@pytest.mark.parametrize(
    ("own", "schemas"),
    [
        (
            method("update", "/x/{{args.id}}"),
            {"query_schema": objects(id=TEXT, query_id=TEXT)},
        ),
        (
            method("update", "/x/{{args.id}}"),
            {"query_schema": objects(query_id=TEXT), "body_schema": objects(query_id=TEXT)}
            | {"header_schema": objects(body_query_id=TEXT)},
        ),
        (
            method("list", "/x/{{args.limit}}", pagination=CURSOR),
            {"path_schema": objects(limit=TEXT)},
        ),
        (
            method(path="/x/{{args.id}}/{{args.key}}", id_param="key"),
            {"path_schema": objects(key=TEXT)},
        ),
        (method(), {"query_schema": objects(**{"*": TEXT}), "body_schema": objects()}),
        (method(), {"header_schema": objects(**{"X-A": TEXT, "x-a": TEXT})}),
    ],
)
def test_a_clash_that_a_prefix_cannot_solve_is_an_error(
    own: Method, schemas: dict[str, Any]
) -> None:
    """A name taken twice over, or one that must keep its own, drops the method."""
    assert rule_of(own, **schemas) == "unresolved_clash"


def test_paging_parameters_give_way_to_limit_and_next_cursor() -> None:
    """The upstream's own names leave the input; ours come with the upstream's bounds."""
    result = merged(
        method("list", pagination=CURSOR),
        query_schema={
            **objects(
                q=TEXT,
                per_page={"type": "integer", "maximum": 250, "default": 25},
                after=TEXT,
            ),
            "required": ["after", "q"],
        },
    )
    assert result.input_schema == {
        "type": "object",
        "properties": {
            "q": TEXT,
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 250,
                "default": 25,
                "description": "How many records to return at most.",
            },
            "next_cursor": {
                "type": "string",
                "minLength": 1,
                "maxLength": NEXT_CURSOR_MAX_CHARS,
                "description": CURSOR_DESCRIPTION,
            },
        },
        "required": ["q"],
        "additionalProperties": False,
    }
    assert routes(result) == {
        "q": ("query", "q"),
        "limit": ("paging", "limit"),
        "next_cursor": ("paging", "next_cursor"),
    }


def test_the_configured_bounds_win_over_the_declared_ones() -> None:
    """`max_limit` and `default_limit` of the pagination stand in `limit`."""
    paging = Pagination("page", limit_param="n", page_param="p", default_limit=10, max_limit=100)
    result = merged(
        method("list", pagination=paging), query_schema=objects(n={"maximum": 500}, p=TEXT)
    )
    limit = result.input_schema["properties"]["limit"]
    assert (limit["maximum"], limit["default"]) == (100, 10)
    assert list(result.input_schema["properties"]) == ["limit", "next_cursor"]


def test_an_own_limit_of_the_upstream_keeps_a_prefixed_name() -> None:
    """A query parameter called `limit` that pagination does not name is still reachable."""
    result = merged(
        method("list", pagination=CURSOR), query_schema=objects(limit=TEXT, next_cursor=TEXT)
    )
    assert routes(result)["query_limit"] == ("query", "limit")
    assert routes(result)["query_next_cursor"] == ("query", "next_cursor")


def test_limit_is_offered_only_where_the_upstream_has_one() -> None:
    """Without a `limit_param` nothing could honour a limit, so there is none."""
    paging = Pagination("link_header")
    result = merged(method("list", pagination=paging))
    assert list(result.input_schema["properties"]) == ["next_cursor"]


def test_an_unpaged_list_gets_nothing_injected() -> None:
    """With pagination `none` the record's schema stays as it is."""
    schema = objects(q=TEXT)
    result = merged(method("list"), query_schema=schema)
    assert result.verbatim
    assert result.input_schema is schema


def test_only_a_list_is_paged() -> None:
    """Pagination changes the input of no other method, since none answers page by page."""
    schema = objects(after=TEXT)
    result = merged(method("search", pagination=CURSOR), query_schema=schema)
    assert result.input_schema is schema


VERBATIM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/search",
    "title": "Search",
    "type": "object",
    "properties": {"b": {"$ref": "#/$defs/b"}, "a": {"$ref": "#here"}},
    "$defs": {"b": {"$anchor": "here", "type": "string"}},
    "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    "if": {"required": ["a"]},
    "then": {"properties": {"c": {"const": 1}}},
    "x-vendor": {"$ref": "#/nowhere"},
}


def test_a_single_part_is_emitted_as_it_was_written() -> None:
    """Every keyword, reference and the order of keys survive; nothing is added."""
    before = copy.deepcopy(VERBATIM)
    result = merged(query_schema=VERBATIM)
    assert result.input_schema is VERBATIM
    assert list(VERBATIM) == list(before)
    assert before == VERBATIM
    assert routes(result) == {
        "b": ("query", "b"),
        "a": ("query", "a"),
        "c": ("query", "c"),
    }


@pytest.mark.parametrize(
    "own_rule",
    [
        {"additionalProperties": True},
        {"additionalProperties": {"type": "string"}},
        {"patternProperties": {"^x": {}}},
        {"unevaluatedProperties": True},
    ],
)
def test_an_own_rule_for_undeclared_arguments_gets_a_route(own_rule: dict[str, Any]) -> None:
    """Arguments that a single-part schema admits without naming them have somewhere to go."""
    result = merged(body_schema={**objects(a=TEXT), **own_rule})
    assert result.routes == (Route("a", "body", "a"), Route("*", "body", "*"))


@pytest.mark.parametrize(
    "body",
    [
        True,
        {},
        {"type": "array", "items": TEXT},
        {"type": ["object", "null"], "properties": {}},
        {"type": "object", "oneOf": [{"required": ["a"]}]},
        {"$ref": "#/$defs/c", "$defs": {"c": {"type": "object"}}},
    ],
)
def test_a_body_that_is_no_plain_object_is_one_property(body: Any) -> None:
    """Arrays, unions and combinators travel whole as the required property `body`."""
    result = merged(body_schema=body)
    assert routes(result) == {"body": ("body", None)}
    assert result.input_schema["required"] == ["body"]
    assert result.input_schema["additionalProperties"] is False


def test_references_of_a_whole_body_follow_it() -> None:
    """Definitions move to the root under the part's name; the root of the body is its property."""
    body = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/n~1m"}, {"$ref": "#"}]},
        "contains": {"$ref": "#/items"},
        "$defs": {"n/m": {"enum": [{"$ref": "#"}]}},
    }
    result = merged(method("update", "/x/{{args.id}}"), body_schema=body)
    assert result.input_schema["properties"]["body"] == {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/body__n~1m"}, {"$ref": "#/properties/body"}]},
        "contains": {"$ref": "#/properties/body/items"},
    }
    assert result.input_schema["$defs"] == {"body__n/m": {"enum": [{"$ref": "#"}]}}


def test_references_of_scattered_parts_follow_them() -> None:
    """Equal names of definitions in two parts stay apart; a renamed property is still found."""
    result = merged(
        method("update", "/x/{{args.id}}"),
        query_schema={**objects(a={"$ref": "#/$defs/T"}), "$defs": {"T": TEXT}},
        body_schema={
            **objects(
                id={"type": "integer"},
                same={"$ref": "#/properties/id"},
                tree={"type": "array", "items": {"$ref": "#/$defs/T"}},
            ),
            "$defs": {"T": {"properties": {"$ref": TEXT, "more": {"$ref": "#/$defs/T"}}}},
        },
    )
    properties = result.input_schema["properties"]
    assert properties["a"] == {"$ref": "#/$defs/query__T"}
    assert properties["same"] == {"$ref": "#/properties/body_id"}
    assert properties["tree"]["items"] == {"$ref": "#/$defs/body__T"}
    assert result.input_schema["$defs"] == {
        "query__T": TEXT,
        "body__T": {"properties": {"$ref": TEXT, "more": {"$ref": "#/$defs/body__T"}}},
    }


def test_a_property_with_an_own_id_keeps_its_references() -> None:
    """What an `$id` makes a resource of its own is moved untouched."""
    inner = {
        "$id": "https://example.com/inner",
        "$defs": {"T": TEXT},
        "properties": {"x": {"$ref": "#/$defs/T"}, "y": {"$ref": "inner#/$defs/T"}},
    }
    result = merged(method("update", "/x/{{args.id}}"), body_schema=objects(inner=inner))
    assert result.input_schema["properties"]["inner"] is inner


def test_descriptions_of_parts_are_kept() -> None:
    """What the parts say about themselves stands in the root, in order."""
    result = merged(
        query_schema={**objects(a=TEXT), "description": "Which."},
        body_schema={**objects(b=TEXT), "description": "What."},
    )
    assert result.input_schema["description"] == "Which.\nWhat."


def test_the_records_own_schemas_are_never_changed() -> None:
    """Merging reads the record and leaves it as it was."""
    schemas = {
        "query_schema": {**objects(id={"$ref": "#/$defs/T"}), "$defs": {"T": TEXT}},
        "body_schema": {"anyOf": [{"$ref": "#/$defs/T"}], "$defs": {"T": TEXT}},
    }
    before = copy.deepcopy(schemas)
    merged(method("update", "/x/{{args.id}}"), **schemas)
    assert schemas == before


UNDECLARED = {**objects(), "required": ["a"]}


@pytest.mark.parametrize(
    ("rule", "schemas"),
    [
        ("invalid_schema", {"query_schema": {"type": "objekt"}}),
        ("invalid_schema", {"query_schema": objects(a={"pattern": "("})}),
        ("invalid_schema", {"query_schema": objects(a={"$ref": "#/$defs/none"})}),
        ("invalid_schema", {"query_schema": True}),
        ("invalid_schema", {"header_schema": {"type": "array"}}),
        ("invalid_schema", {"query_schema": objects(a={"default": float("nan")})}),
        ("invalid_schema", {"query_schema": objects(a={"const": "\ud800"})}),
        ("invalid_schema", {"query_schema": {"$schema": "http://json-schema.org/draft-07/schema"}}),
        ("invalid_schema", {"header_schema": objects(), "body_schema": UNDECLARED}),
        ("remote_ref", {"query_schema": objects(a={"$ref": "https://example.com/s"})}),
        ("remote_ref", {"query_schema": objects(a={"items": {"$ref": "other.json#/a"}})}),
        ("remote_ref", {"body_schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}),
        ("number_bound", {"query_schema": objects(a={"maximum": 2**53})}),
        ("number_bound", {"query_schema": objects(a={"enum": [{"deep": [-(2**60)]}]})}),
        ("number_bound", {"body_schema": {"type": "array", "items": {"minimum": -1e20}}}),
        ("unresolved_ref", {"query_schema": objects(a={"$ref": "#"}), "body_schema": objects()}),
        ("root_keyword", {"query_schema": {"minProperties": 1}, "body_schema": objects()}),
        ("root_keyword", {"query_schema": objects(), "body_schema": {**objects(), "title": "x"}}),
        (
            "root_keyword",
            {"query_schema": objects(), "body_schema": {**objects(), "additionalProperties": True}},
        ),
        (
            "anchor_across_parts",
            {"query_schema": objects(a={"$anchor": "x"}), "body_schema": objects(b=TEXT)},
        ),
        (
            "anchor_across_parts",
            {"query_schema": objects(a=TEXT), "body_schema": {"$dynamicAnchor": "x"}},
        ),
        ("forbidden_header", {"header_schema": objects(Authorization=TEXT)}),
        ("forbidden_header", {"header_schema": objects(HOST=TEXT)}),
        ("forbidden_header", {"header_schema": objects(**{"X: y": TEXT})}),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_is_named_by_its_rule(rule: str, schemas: dict[str, Any]) -> None:
    """Each mistake has its own rule, and the rule its mend."""
    assert rule_of(**schemas) == rule


def test_the_credential_header_cannot_be_an_argument() -> None:
    """The header that carries the account's key is not the caller's to set."""
    own = method(
        authorization=Authorization("header", name="X-Api-Key", value="{{credentials.key}}")
    )
    assert rule_of(own, header_schema=objects(**{"x-api-key": TEXT})) == "forbidden_header"


@pytest.mark.parametrize(
    ("rule", "path_schema"),
    [
        ("path_placeholder", None),
        ("path_placeholder", objects(b=TEXT)),
        ("path_argument", objects(a=TEXT, b=TEXT)),
    ],
)
def test_path_schema_and_path_declare_the_same(rule: str, path_schema: Any) -> None:
    """Every placeholder has a schema, and no schema lacks its placeholder."""
    assert rule_of(method(path="/x/{{args.a}}"), path_schema=path_schema) == rule


def test_additional_properties_false_of_a_part_is_taken_over() -> None:
    """It says what the emitted root says anyway, so it is no obstacle to merging."""
    closed = {**objects(a=TEXT), "additionalProperties": False}
    result = merged(method("update", "/x/{{args.id}}"), body_schema=closed)
    assert result.input_schema["additionalProperties"] is False


def test_a_reference_to_a_parameter_that_paging_took_is_an_error() -> None:
    """Nothing may point to what left the input."""
    schema = objects(after=TEXT, q={"$ref": "#/properties/after"})
    assert rule_of(method("list", pagination=CURSOR), query_schema=schema) == "unresolved_ref"


def test_nesting_beyond_what_the_engine_reads_is_an_error() -> None:
    """A schema that is too deep is refused, not crashed on."""
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"items": deep}
    assert rule_of(query_schema=objects(a=deep)) == "invalid_schema"


NAMES = st.sampled_from(
    ["id", "a", "b", "limit", "next_cursor", "per_page", "after", "query_a", "body_a", "body"]
)
PARTS = st.dictionaries(
    NAMES, st.sampled_from([TEXT, {"type": "integer"}, {"$ref": "#/$defs/T"}, True]), max_size=5
)


@given(
    query=st.none() | PARTS,
    header=st.none() | PARTS,
    body=st.none() | PARTS,
    with_id=st.booleans(),
    paged=st.booleans(),
)
def test_no_declared_argument_is_lost_or_doubled(
    query: Any, header: Any, body: Any, with_id: bool, paged: bool
) -> None:
    """Each declared argument has exactly one property and one route, or the merge says why not."""
    own = method(
        "list" if paged else "update",
        "/x/{{args.id}}" if with_id else "/x",
        pagination=CURSOR if paged else Pagination("none"),
    )
    given_parts = {"query": query, "header": header, "body": body}
    schemas = {
        f"{part}_schema": {**objects(**names), "$defs": {"T": TEXT}, "required": sorted(names)}
        for part, names in given_parts.items()
        if names is not None
    }
    try:
        result = merged(own, **schemas)
    except MergeError as error:
        if error.rule != "unresolved_clash":
            raise
        return
    driven = {"per_page", "after"} if paged else set()
    expected = {
        (part, name)
        for part, names in given_parts.items()
        for name in names or ()
        if not (part == "query" and name in driven)
    }
    expected |= {("path", "id")} if with_id else set()
    expected |= {("paging", "limit"), ("paging", "next_cursor")} if paged else set()
    assert sorted((r.part, r.name) for r in result.routes) == sorted(expected)
    properties = [route.property for route in result.routes]
    assert sorted(properties) == sorted(result.input_schema["properties"])
    assert set(result.input_schema.get("required", [])) == set(properties) - {
        route.property for route in result.routes if route.part == "paging"
    }
    jsonschema_rs.Draft202012Validator(result.input_schema, offline=True)
