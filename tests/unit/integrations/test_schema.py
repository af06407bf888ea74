"""What may be written in integration.yaml, and what is refused with a mend."""

from typing import Any, TypeAlias

import jsonschema_rs
import pytest

from mcpassport.integrations.load import load_content
from mcpassport.integrations.schema import json_schema

Content: TypeAlias = dict[str, Any]


BLOCK: Content = {"type": "text", "value": "body"}


def mends(content: Content, config: Content | None = None, method: Content | None = None) -> str:
    """Everything that is said about the notes with such changes, as one text."""
    content["config"]["resources"]["notes"]["methods"]["get"].update(method or {})
    content["config"].update(config or {})
    findings = load_content(content).findings
    return "\n".join(f"{finding.where} {finding.message} {finding.mend}" for finding in findings)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.example.com",
        "http://127.0.0.1:8080/v1/",
        "https://[::1]:8443",
        "https://{{context.region}}.example.com/v1",
        "https://example.com/{{context.site}}/v1",
    ],
)
def test_absolute_web_addresses_are_base_urls(notes: Content, base_url: str) -> None:
    """A scheme, a host, a port and a path are all that a base URL may hold."""
    hosts = ["*.example.com", "example.com"] if "{{" in base_url else []
    assert not mends(notes, {"base_url": base_url, "allowed_hosts": hosts})


@pytest.mark.parametrize(
    "base_url",
    [
        "api.example.com",
        "//api.example.com",
        "ftp://api.example.com",
        "HTTPS:/api.example.com",
        "https://",
        "https://user@api.example.com",
        "https://user:secret@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.example.com:port",
        "https://api.example.com:99999",
        "https://api example.com",
        "https://api.example.com\\@evil.example",
        "https://ⓐpi.example.com",
        "https://{{args.host}}/v1",
        "https://{{credentials.host}}/v1",
        "{{context.url}}",
        "https://{{context.x",
    ],
)
def test_what_could_lead_elsewhere_is_no_base_url(notes: Content, base_url: str) -> None:
    """Relative addresses, user names, queries, fragments and foreign placeholders are refused."""
    assert "/config/base_url" in mends(notes, {"base_url": base_url})


def test_a_base_url_of_the_account_needs_allowed_hosts(notes: Content) -> None:
    """Else an account's context could name any host."""
    said = mends(notes, {"base_url": "https://{{context.shop}}.example.com"})
    assert "allowed_hosts" in said


@pytest.mark.parametrize("host", ["*", "*.com", "https://x.example", "X.example", "a.*", "", "a*b"])
def test_patterns_that_are_too_wide_or_no_hosts_are_refused(notes: Content, host: str) -> None:
    """`*` stands for one label left of a domain of at least two."""
    assert "/config/allowed_hosts/0" in mends(notes, {"allowed_hosts": [host]})


def test_the_host_of_the_base_url_must_be_allowed_itself(notes: Content) -> None:
    """A list of hosts that leaves out the only host there is would refuse every call."""
    assert "matches none" in mends(notes, {"allowed_hosts": ["*.elsewhere.example"]})
    assert not mends(notes, {"allowed_hosts": ["*.notes.example:443", "*.notes.example"]})


@pytest.mark.parametrize(
    "path",
    [
        "notes",
        "/notes?x=1",
        "/notes#x",
        "/notes/../admin",
        "/notes/./x",
        "/notes/%2e%2E/x",
        "/no tes",
        "/notes\\x",
        "/nötes",
        "/{{credentials.key}}",
        "/{{args.}}",
        "/{{ARGS.id}}",
        "/{{args.id:uuid}}",
    ],
)
def test_paths_that_parsers_read_differently_are_refused(notes: Content, path: str) -> None:
    """A path is plain ASCII, begins with '/', climbs nowhere and holds no secret."""
    assert "/config/resources/notes/methods/get/path" in mends(notes, method={"path": path})


@pytest.mark.parametrize(
    "method",
    [
        {"headers": {"X-Key": "{{credentials.token}}", "X-Region": "{{context.region|eu}}"}},
        {"query": {"key": "{{credentials.token}}", "n": 1, "all": True, "in": ["a", "{{args.b}}"]}},
        {"query": {"n": "{{args.n:int|5}}"}},
        {"body": {"a": ["{{args.x:json}}", {"b": "{{context.y}}"}]}},
        {"request": '{"query": {"a": args.id}}', "response": "body.data"},
        {"pagination": {"kind": "next_url", "next_header": "Next-Page"}},
        {"errors": None, "rate_limit": None, "timeout_s": None, "pagination": None},
        {"id_param": "note_id"},
        {"content": [{"type": "text", "value": "body.a"}]},
        {"content": [{"type": "image", "value": "body", "mime_type": "image/png"}]},
        {"content": [{"type": "audio", "value": "body"}, {"type": "resource", "value": "body.b"}]},
        {
            "content": [
                {
                    "type": "resource",
                    "value": "body",
                    "mime_type": "application/vnd.a+json",
                    "uri": "crm://files/{{args.id}}?of={{context.shop|none}}",
                }
            ],
            "response": "body.row",
        },
        {"stream": "ndjson"},
        {"stream": "sse", "progress": '{"progress": body.n}', "final": "events[-1].data"},
        {"requires_client_capabilities": ["sampling", "elicitation.url", "roots"]},
        {"requires_client_capabilities": ["extensions.io.example/ui", "experimental.x"]},
        {"content": "auto", "stream": "none", "requires_client_capabilities": []},
    ],
)
def test_what_the_format_promises_is_accepted(notes: Content, method: Content) -> None:
    """Placeholders, casts, fallbacks, expressions and stated defaults all load."""
    assert not mends(notes, method=method)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"body": {"key": "{{credentials.token}}"}}, "headers and query only"),
        ({"headers": {"Authorization": "Bearer x"}}, "carries a credential"),
        ({"headers": {"Host": "evil.example"}}, "set by the connection"),
        ({"headers": {"X Y": "1"}}, "not a header name"),
        ({"headers": {"X-Y": "a\r\nX-Z: b"}}, "control character"),
        ({"headers": {"X-Y": 1}}, "not text"),
        ({"query": {"q": "{{credentials.nothing}}"}}, "No credential kind has a field 'nothing'"),
        ({"query": {"q": "{{args.x"}}, "placeholder"),
        ({"response": "$map("}, "does not compile"),
        ({"response": "body", "response_path": "data"}, "both response and response_path"),
        ({"response_path": "data..items"}, "not a path"),
        ({"pagination": {"kind": "next_url"}}, "exactly one"),
        ({"pagination": {"kind": "cursor", "cursor_path": "a"}}, "no cursor_param"),
        ({"pagination": {"kind": "page", "page_param": "p", "max_limit": 5}}, "page size"),
        ({"pagination": {"cursor_path": "a"}}, "Add 'kind:'"),
        ({"timeout_s": 121}, "at most 120"),
        ({"timeout_s": "20"}, "not a number"),
        ({"http": "FETCH"}, "'DELETE'"),
        ({"annotations": {"destuctive": True}}, "Did you mean 'destructive'?"),
        ({"stream": "websocket"}, "'sse'"),
        ({"stream": "ndjson", "progress": "$map("}, "does not compile"),
        ({"stream": "ndjson", "final": ""}, "get/final"),
        ({"progress": '{"progress": 1}'}, "has 'progress', and its response does not stream"),
        ({"stream": "none", "final": "body"}, "has 'final', and its response does not stream"),
        *(
            ({"requires_client_capabilities": [bad]}, "/requires_client_capabilities/0")
            for bad in ("", "samplings", "sampling.x", "extensions", "roots.a", "elicitation.", 5)
        ),
        ({"content": "json"}, "get.content: The value is not one of those"),
        ({"content": []}, "at least 1"),
        ({"content": [BLOCK] * 33}, "at most 32"),
        ({"content": ["text"]}, "content.0: The value is not a mapping"),
        ({"content": [{"type": "video", "value": "body"}]}, "'resource'"),
        ({"content": [{"type": "text"}]}, "/content/0/value"),
        ({"content": [{**BLOCK, "value": "$map("}]}, "does not compile"),
        ({"content": [{**BLOCK, "vaule": "x"}]}, "Did you mean 'value'?"),
        ({"content": [{**BLOCK, "uri": "a:b"}]}, "Only a resource has an address"),
        ({"content": [{**BLOCK, "mime_type": "text/csv"}]}, "A text block has no media type"),
        ({"content": [{**BLOCK, "type": "image", "mime_type": "text/csv"}]}, "not one of image/*"),
        *(
            ({"content": [{**BLOCK, "type": "resource", "mime_type": bad}]}, "not a media type")
            for bad in (
                "text",
                "text/csv; charset=x",
                "text/c\r\nX: y",
                "Text/CSV",
                "a/" + "b" * 64,
            )
        ),
        *(
            ({"content": [{**BLOCK, "type": "resource", "uri": bad}]}, "/content/0/uri")
            for bad in (
                "",
                "files/1",
                "a:b c",
                "a:b\nc",
                "a:é",
                "a:{{credentials.token}}",
                "a:{{args.n:int}}",
                "a:{{args.n",
                "a:" + "b" * 500,
            )
        ),
    ],
)
def test_mistakes_in_a_method_are_said_in_words(notes: Content, method: Content, said: str) -> None:
    """Each is one finding whose text says what to do."""
    assert said in mends(notes, method=method)


def test_a_list_is_no_blocks(notes: Content) -> None:
    """A list answers its records and a cursor; blocks would take the cursor away."""
    notes["config"]["resources"]["notes"]["methods"]["list"]["content"] = [BLOCK]
    assert "can be no blocks" in mends(notes)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"credentials": []}, "at least 1"),
        ({"credentials": [{"kind": "bearer"}, {"kind": "bearer"}]}, "stands twice"),
        ({"credentials": [{"kind": "basic"}]}, "does not bring token"),
        (
            {"credentials": [{"kind": "bearer", "fields": [{"name": "key", "label": "K"}]}]},
            "does not bring token",
        ),
        (
            {"credentials": [{"kind": "bearer", "fields": [{"name": "token", "label": "T"}] * 2}]},
            "same name",
        ),
        ({"authorization": {"kind": "header", "name": "X-Key"}}, "authorization/value"),
        ({"documentation_url": "javascript:alert(1)"}, "web address"),
        ({"format": 2}, "/config/format"),
        ({"label": ""}, "/config/label"),
        ({"resources": {}}, "at least 1"),
        ({"resources": {"a.b": {"methods": {}}}}, "not allowed here"),
    ],
)
def test_mistakes_in_the_config_are_said_in_words(
    notes: Content, config: Content, said: str
) -> None:
    """Rules across parts are reported beside those of single keys."""
    assert said in mends(notes, config)


def test_no_finding_repeats_a_value_of_the_account(notes: Content) -> None:
    """A credential pasted into the wrong place does not appear in what is printed."""
    said = mends(notes, {"credentials": [{"kind": "bearer", "fields": "sk_live_4242424242"}]})
    assert said
    assert "sk_live" not in said


@pytest.mark.parametrize("name", ["integration.yaml", "docs", "overlay.yaml", "examples"])
def test_editors_get_a_valid_json_schema_of_each_file(name: str) -> None:
    """Each schema is one of draft 2020-12, and knows `from` by that name."""
    schema = json_schema()[name]
    jsonschema_rs.meta.validate(schema)
    assert "'source':" not in str(schema)


def test_the_json_schema_accepts_what_the_loader_accepts(notes: Content) -> None:
    """The notes pass; a misspelled key does not."""
    validator = jsonschema_rs.validator_for(json_schema()["integration.yaml"])
    assert validator.is_valid(notes["config"])
    assert jsonschema_rs.validator_for(json_schema()["docs"]).is_valid(notes["documentation"])
    notes["config"]["lable"] = "x"
    assert not validator.is_valid(notes["config"])
