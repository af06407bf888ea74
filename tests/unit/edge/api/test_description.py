"""`/openapi.json` and `/version`: what the API says of itself, against what it does."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
from tests.support.deployment import Deployment, deployment, notes

from mcpassport import __version__
from mcpassport.stated import build_digest

PUBLIC = {
    *("/version", "/healthz", "/readyz", "/audit/key", "/leaked"),
    "/.well-known/oauth-protected-resource/mcp/s/{server_id}",
}
HTTP_METHODS = {"get", "post", "put", "patch", "delete"}


async def described(house: Deployment) -> Any:
    return (await house.send("GET", "/openapi.json", caller=None)).json()


async def test_the_document_is_whole_openapi(house: Deployment) -> None:
    """OpenAPI 3.1 with unique operation ids, every reference leading somewhere, valid schemas."""
    document = await described(house)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == __version__
    operations = [op for item in document["paths"].values() for op in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for reference in set(re.findall(r"'\$ref': '([^']+)'", str(document))):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


async def test_every_operation_says_what_it_takes_and_how_it_fails(house: Deployment) -> None:
    """Description, success schema, problems, security, documented parameters; no 422."""
    document = await described(house)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, item in document["paths"].items():
        assert set(item) <= HTTP_METHODS
        for method, operation in item.items():
            name = f"{method} {path}"
            assert operation["description"], name
            responses = operation["responses"]
            assert "422" not in responses, name
            assert {"400", "500", "503"} <= set(responses), name
            success = next(status for status in responses if status.startswith("2"))
            if success != "204":
                media = "text/plain" if path == "/metrics" else "application/json"
                assert responses[success]["content"][media]["schema"], name
            for status, response in responses.items():
                if status >= "400" and (path, status) != ("/readyz", "503"):
                    assert set(response["content"]) == {"application/problem+json"}
            public = path in PUBLIC
            assert ("security" in operation, "401" in responses) == (not public, not public), name
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), name
            for parameter in operation.get("parameters", []):
                assert (
                    parameter["in"] == "path"
                    or parameter.get("description")
                    or path.endswith(("/tools", "/version"))
                ), (name, parameter)


async def test_answers_fit_their_schemas(house: Deployment) -> None:
    """What the routes answer validates against what the document promises."""
    document = await described(house)
    await house.push()
    account = await house.account()
    server = await house.server(account)
    asked = {
        "/tenant": "/tenant",
        "/tenant/{tenant_id}": "/tenant/acme",
        "/integration": "/integration",
        "/integration/{name}/versions": "/integration/notes/versions",
        "/integration/{name}/versions/{number}": "/integration/notes/versions/1",
        "/integrated-account/{account_id}": f"/integrated-account/{account}",
        "/integrated-account/{account_id}/tools": f"/integrated-account/{account}/tools",
        "/integrated-account/{account_id}/mcp": f"/integrated-account/{account}/mcp",
        "/integrated-account/{account_id}/mcp/{server_id}": (
            f"/integrated-account/{account}/mcp/{server['id']}"
        ),
        "/api-token": "/api-token",
        "/audit": "/audit",
        "/audit/strangers": "/audit/strangers",
        "/audit/checkpoint": "/audit/checkpoint",
        "/audit/key": "/audit/key",
        "/event": "/event",
        "/version": "/version",
    }
    for template, path in asked.items():
        responses = document["paths"][template]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.validate(whole, await house.read(path))
    problem = {**document["components"]["schemas"]["Problem"]}
    for answer in (
        await house.send("GET", "/tenant", caller=None),
        await house.send("POST", "/tenant", body={}),
        await house.send("GET", "/nowhere"),
    ):
        jsonschema_rs.validate(problem, answer.json())


async def test_version_says_what_runs_here(house: Deployment) -> None:
    """Build, settings and catalogs by digest, to whoever asks; each moves with what it hashes."""
    await house.push()
    first = (await house.send("GET", "/version", caller=None)).json()
    assert first["version"] == __version__
    assert first["build_digest"] == build_digest()
    assert first["settings_digest"] == house.services.settings.digest()
    assert first["protocol_revisions"][0] == "2026-07-28"
    content = notes()
    content["documentation"][0]["description"] += " More."
    await house.push(content)
    second = (await house.send("GET", "/version", caller=None)).json()
    assert (list(first["catalogs"]), list(second["catalogs"])) == (["notes@1"], ["notes@2"])
    assert first["catalogs"]["notes@1"] != second["catalogs"]["notes@2"]
    assert {**first, "catalogs": 0} == {**second, "catalogs": 0}


async def test_the_settings_digest_of_two_deployments_differs_with_their_claims(
    tmp_path: Path,
) -> None:
    """Two data folders and keys, one digest; another public URL, another digest."""
    digests = []
    for name, given in (("a", {}), ("b", {}), ("c", {"public_url": "https://mcp.example"})):
        async with deployment(tmp_path, data_dir=tmp_path / name, **given) as house:
            digests.append((await house.send("GET", "/version", caller=None)).json())
    assert digests[0] == digests[1]
    assert digests[0]["settings_digest"] != digests[2]["settings_digest"]
