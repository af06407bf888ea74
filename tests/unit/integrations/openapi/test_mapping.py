"""Wishes, servers, security and headers: what stands around the operations."""

from typing import Any

import pytest
import yaml
from tests.support.descriptions import ImportValue

from mcpassport.errors import InvalidIntegration


def config_of(import_value: ImportValue, value: Any, **options: Any) -> Any:
    return yaml.safe_load(import_value(value, **options).files["integration.yaml"])


@pytest.mark.parametrize(
    ("patterns", "methods"),
    [
        ([], {"list", "create", "get"}),
        (["things"], {"list", "create", "get"}),
        (["things.list", "*.get"], {"list", "get"}),
        (["th*.c*"], {"create"}),
    ],
)
def test_include_keeps_what_matches(
    import_value: ImportValue, small: Any, patterns: list[str], methods: set[str]
) -> None:
    """Resources, or resource.method, by pattern."""
    config = config_of(import_value, small, include=patterns)
    assert set(config["resources"]["things"]["methods"]) == methods


def test_findings_of_what_is_not_included_are_not_reported(
    import_value: ImportValue, small: Any
) -> None:
    """The report is about what was asked for."""
    del small["paths"]["/things"]["post"]["description"]
    assert import_value(small, include=["things.get"]).unmapped == ()
    assert [item.rule for item in import_value(small).unmapped] == ["no_description"]


def test_an_include_that_matches_nothing_is_an_error(import_value: ImportValue, small: Any) -> None:
    """It names the resources there are."""
    with pytest.raises(InvalidIntegration, match=r"'gadgets' matches no method.*things"):
        import_value(small, include=["things", "gadgets"])


@pytest.mark.parametrize("name", ["Acme", "a b", "-a", "a--b", "x" * 41])
def test_a_name_that_is_no_slug_is_refused(
    import_value: ImportValue, small: Any, name: str
) -> None:
    """The caller learns what a name may hold."""
    with pytest.raises(InvalidIntegration, match="not a slug"):
        import_value(small, name=name)


@pytest.mark.parametrize("name", ["acme", "acme-crm", "acme_2"])
def test_the_name_is_the_callers(import_value: ImportValue, small: Any, name: str) -> None:
    """A slug is taken as it is."""
    assert config_of(import_value, small, name=name)["name"] == name


@pytest.mark.parametrize(
    ("described", "given", "expected"),
    [
        (["https://a.example/v1/"], None, "https://a.example/v1"),
        (["https://a.example/v1"], "http://localhost:8080/v2/", "http://localhost:8080/v2"),
        (["https://a.example/v1"], "http://localhost:8080", "http://localhost:8080/v1"),
        (["/v3"], "https://b.example", "https://b.example/v3"),
        ([], "https://b.example", "https://b.example"),
    ],
)
def test_the_base_url_is_the_given_or_the_described_one(
    import_value: ImportValue, small: Any, described: list[str], given: str | None, expected: str
) -> None:
    """A given one without a path takes the described path."""
    small["servers"] = [{"url": url} for url in described]
    assert config_of(import_value, small, base_url=given)["base_url"] == expected


@pytest.mark.parametrize(
    "url",
    [
        *("/v1", "", "ftp://a.example", "https://", "https://user:pass@a.example", "//a.example"),
        *("https://a.example/?x=1", "https://a.example/#f", "https://a.example/{x}"),
        *("https://a.example:99999", "https://a b.example", "https://ä.example", "nonsense"),
        "https://a.example/{{context.x}}",
    ],
)
def test_a_url_that_cannot_be_called_is_refused(
    import_value: ImportValue, small: Any, url: str
) -> None:
    """Only absolute http(s) URLs of a host and a path will do."""
    small["servers"] = [{"url": url}]
    with pytest.raises(InvalidIntegration, match="No absolute"):
        import_value(small)


BEARER = ([{"kind": "bearer"}], {"kind": "bearer"})
BASIC = ([{"kind": "basic"}], {"kind": "basic"})


@pytest.mark.parametrize(
    ("schemes", "security", "expected", "rules"),
    [
        ({"a": {"type": "http", "scheme": "bearer"}}, None, BEARER, []),
        ({"a": {"type": "http", "scheme": "Basic"}}, None, BASIC, []),
        ({}, None, BEARER, ["no_security"]),
        ({"a": {"type": "oauth2", "flows": {}}}, None, BEARER, ["security_scheme"]),
        (
            {"a": {"type": "apiKey", "in": "query", "name": "k"}},
            None,
            (
                [
                    {
                        "kind": "api_key",
                        "fields": [{"name": "key", "label": "API key", "secret": True}],
                    }
                ],
                {"kind": "query", "name": "k"},
            ),
            [],
        ),
        (
            {"a": {"type": "http", "scheme": "bearer"}, "b": {"type": "http", "scheme": "basic"}},
            [{"b": []}],
            BASIC,
            [],
        ),
        (
            {"a": {"type": "http", "scheme": "bearer"}, "b": {"type": "http", "scheme": "basic"}},
            [{"b": []}, {"a": []}],
            BASIC,
            ["security_scheme"],
        ),
    ],
)
def test_the_first_scheme_of_a_known_kind_is_applied(
    import_value: ImportValue, small: Any, schemes: Any, security: Any, expected: Any, rules: Any
) -> None:
    """Those that requests name come first; the others are reported."""
    small["components"]["securitySchemes"] = schemes
    if security is not None:
        small["security"] = security
    config = config_of(import_value, small)
    assert (config["credentials"], config["authorization"]) == expected
    assert [item.rule for item in import_value(small).unmapped] == rules


def test_scopes_of_oauth_are_kept_per_method(import_value: ImportValue, small: Any) -> None:
    """A method's own requirement replaces that of the whole description."""
    small["components"]["securitySchemes"]["oauth"] = {"type": "oauth2", "flows": {}}
    small["security"] = [{"oauth": ["read"]}]
    small["paths"]["/things"]["post"]["security"] = [{"oauth": ["read", "write"]}]
    methods = config_of(import_value, small)["resources"]["things"]["methods"]
    assert methods["list"]["scopes"] == ["read"]
    assert methods["create"]["scopes"] == ["read", "write"]


def test_a_list_parameter_keeps_its_way_of_writing(import_value: ImportValue, small: Any) -> None:
    """`explode: false` means commas, for the integration as a whole."""
    small["paths"]["/things"]["get"]["parameters"].append(
        {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array", "items": {}}}
    )
    assert config_of(import_value, small)["query_array_format"] == "comma"


def test_words_of_a_template_in_a_description_stay_words(
    import_value: ImportValue, small: Any
) -> None:
    """`{{credentials.x}}` in a path or a header default never becomes a placeholder."""
    header = {
        "name": "X-A",
        "in": "header",
        "schema": {"type": "string", "default": "{{context.x}}"},
    }
    for path in small["paths"].values():
        for key, operation in path.items():
            if key != "parameters":
                operation.setdefault("parameters", []).append(header)
    small["paths"]["/{{credentials.token}}/x"] = {
        "get": {"description": "Steals.", "responses": {}}
    }
    imported = import_value(small)
    assert "headers" not in yaml.safe_load(imported.files["integration.yaml"])
    assert "{{credentials" not in str(imported.files)
    assert "path" in {item.rule for item in imported.unmapped}
