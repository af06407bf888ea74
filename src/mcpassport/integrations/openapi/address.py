"""Where requests go: the base URL, and a path with placeholders."""

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.openapi.model import Api
from mcpassport.integrations.openapi.report import Report

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_LITERAL_SAFE: Final = "/:@!$&'()*+,;=-._~%"
_MEND: Final = "Pass the URL of the API as base_url, such as https://api.example.com/v1."


class PathTemplate(NamedTuple):
    """A path of this format, and for each argument the name that the description gives it."""

    text: str
    arguments: dict[str, str]


def base_url(api: Api, given: str | None, report: Report) -> str:
    """The URL that all paths follow.

    `given` wins over the description; without a path of its own it takes the described one.
    `InvalidIntegration` when neither names a host, or what they name is no plain http(s) URL.
    """
    described = api.servers[0]
    if given is None:
        hosts = {urlsplit(server).netloc for server in api.servers if _is_sound(server)}
        if len(hosts) > 1:
            report.add(
                "server", f"{api.file}#/servers", "More than one server; the first was taken."
            )
        chosen = described
    else:
        chosen = given.rstrip("/")
        if _is_sound(chosen) and not urlsplit(chosen).path:
            path = urlsplit(described).path if _is_sound(described) else described
            chosen += "/" + path.strip("/") if path.startswith("/") else ""
    if not _is_sound(chosen):
        message = "No absolute http(s) URL of the API is named."
        problem = Problem(f"{api.file}#", "server", message, _MEND)
        raise InvalidIntegration(f"{message} {_MEND}", problems=(problem,))
    return chosen.rstrip("/")


def _is_sound(url: str) -> bool:
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and url.startswith(("http://", "https://"))
        and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?", parts.netloc)
        is not None
        and port != 0
        and re.fullmatch(r"[!-~]*", url) is not None
        and not set(url) & set("?#\\{}")
    )


def path_template(path: str, item: str) -> PathTemplate | None:
    """The path with `{{args.x}}`, the parameter `item` as `id`; None when it cannot be written."""
    arguments: dict[str, str] = {}
    found = _PLACEHOLDER.findall(path)
    for name in found:
        argument = _argument(name)
        if name == item and "id" not in {_argument(other) for other in found}:
            argument = "id"
        if argument in arguments:
            return None
        arguments[argument] = name
    named = {name: argument for argument, name in arguments.items()}
    pieces = _PLACEHOLDER.split(path)  # literal, name, literal, name, … literal
    literals = [quote(piece, safe=_LITERAL_SAFE) for piece in pieces[::2]]
    if not _is_writable(pieces[::2]) or not path.startswith("/"):
        return None
    text = literals[0]
    for name, literal in zip(pieces[1::2], literals[1:], strict=True):
        text += f"{{{{args.{named[name]}}}}}{literal}"
    return PathTemplate(text, arguments)


def _is_writable(literals: list[str]) -> bool:
    joined = "x".join(literals)
    if set(joined) & set("?#\\{}") or re.search(r"[\x00-\x1f\x7f]", unquote(joined)):
        return False
    return not any(unquote(segment) in {".", ".."} for segment in joined.split("/"))


def _argument(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    return plain if re.match(r"[A-Za-z]", plain) else f"arg_{plain}".rstrip("_")
