"""Security schemes as the credentials an account brings and the way they are applied."""

from typing import Any, Final

from mcpassport.integrations.openapi.model import Api, Scheme
from mcpassport.integrations.openapi.report import Report

_BEARER: Final = {"credentials": [{"kind": "bearer"}], "authorization": {"kind": "bearer"}}


def applied(api: Api, report: Report) -> dict[str, Any]:
    """`credentials` and `authorization` of the first scheme of a known kind.

    One in the query comes last: addresses are written into logs.
    """
    known = [scheme for scheme in api.schemes if scheme.kind != "other"]
    known.sort(key=lambda scheme: scheme.kind == "query")
    for scheme in api.schemes:
        if scheme is not (known[0] if known else None):
            report.add("security_scheme", scheme.where, _left_out(scheme, known[:1]))
    if known:
        return _config(known[0])
    if not api.schemes:
        report.add(
            "no_security",
            f"{api.file}#",
            "No security scheme is described; 'bearer' was written so that the folder loads.",
        )
    return _BEARER


def _left_out(scheme: Scheme, known: list[Scheme]) -> str:
    name = scheme.name[:60]
    if known:
        used = known[0].name[:60]
        return f"'{name}' was left out: an integration has one authorization, here '{used}'."
    return (
        f"'{name}' ({scheme.said}) is not in this version; "
        "'bearer' was written, so that an account may bring an access token."
    )


def _config(scheme: Scheme) -> dict[str, Any]:
    if scheme.kind not in {"header", "query"}:
        fields = _fields(scheme)
        return {
            "credentials": [{"kind": scheme.kind} | ({"fields": fields} if fields else {})],
            "authorization": {"kind": scheme.kind},
        }
    label = f"{scheme.key} key" if scheme.kind == "header" else "API key"
    key = {"name": "key", "label": label, "secret": True}
    if scheme.help:
        key["help"] = scheme.help
    authorization = {"kind": scheme.kind, "name": scheme.key}
    if scheme.kind == "header":
        authorization["value"] = "{{credentials.key}}"
    return {
        "credentials": [{"kind": "api_key", "fields": [key]}],
        "authorization": authorization,
    }


def _fields(scheme: Scheme) -> list[dict[str, Any]]:
    """Fields of their own only where the description says something to help with."""
    if not scheme.help:
        return []
    names = {"bearer": ("token",), "basic": ("username", "password")}[scheme.kind]
    return [
        {
            "name": name,
            "label": name.capitalize(),
            "help": scheme.help,
            "secret": name != "username",
        }
        for name in names
    ]
