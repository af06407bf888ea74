r"""The address of a call: base URL and path of a method, and the proof that a call stays on it.

Parsers fold `%2e%2e`, `\` and `①②⑦.0.0.1` differently, so what was built is parsed again, once as
it will be sent and once by the folding rules, and compared with the template:
1. a base URL begins with a literal `http://` or `https://`, and holds no query or fragment;
2. a placeholder in the host takes host characters only; the host then matches `allowed_hosts`;
3. scheme, host and port of both readings are the template's;
4. both readings have as many segments as the template, and its literal segments unchanged;
5. values of letters, digits, `-`, `_` and `~` read the same to every parser: where only such stand
   in the path, one pattern shows (3) and (4), which hold for the template itself.
"""

import re
from typing import Final
from urllib.parse import quote

from yarl import URL

from mcpassport.errors import AddressForbidden, InvalidArguments, InvalidIntegration
from mcpassport.expressions import Template, parse_template, render_path
from mcpassport.expressions.placeholders import MISSING, Scopes, as_text
from mcpassport.expressions.segments import PLAIN

URL_MAX_CHARS: Final = 16_384
"""Of a whole URL, query included; longer ones are refused before anything is sent."""

_BASE: Final = re.compile(r"(https?)://([^/?#\\@]+)(/[^?#\\]*)?", re.IGNORECASE)
_HOST_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?")
_TOKEN: Final = "\ue000"
"""Stands for a placeholder while a template is taken apart."""
_PATH_SAFE: Final = "%/:@!$&'()*+,;=-._~"


class Address:
    """The compiled address of one method.

    Raises:
        InvalidIntegration: the base URL is not absolute, or its host is a template without
            `allowed_hosts`, or the path climbs with `..`.
    """

    def __init__(self, base_url: str, path: str, allowed_hosts: tuple[str, ...], slot: str) -> None:
        base = parse_template(base_url, f"{slot} base_url")
        local = parse_template(path, f"{slot} path")
        match = _BASE.fullmatch(_tokens(base))
        if match is None:  # (1)
            raise InvalidIntegration(f"{slot}: base_url must be an absolute http or https URL.")
        scheme, authority, prefix = match.group(1).lower(), match.group(2), match.group(3) or ""
        hosts = authority.count(_TOKEN)
        if hosts and not allowed_hosts:
            raise InvalidIntegration(f"{slot}: a base_url with a placeholder needs allowed_hosts.")
        text = _path(prefix, _tokens(local))
        if any(segment in {".", ".."} for segment in text.split("/")):
            raise InvalidIntegration(f"{slot}: '.' and '..' cannot be segments of a path.")
        placeholders = base.placeholders + local.placeholders
        self._scheme = scheme
        self._authority = _template(authority, placeholders[:hosts])
        self._path = _template(text, placeholders[hosts:])
        self._hosts = tuple(_pattern(host) for host in allowed_hosts)
        self._port = _read(f"{scheme}://{authority.replace(_TOKEN, 'x')}", folded=False).port
        literal = [None if _TOKEN in part else part for part in text.split("/")]
        self._sent = _Shape(text, literal, folded=False)
        self._folded = _Shape(text, literal, folded=True)
        self._constant = None if placeholders else self._checked(f"{scheme}://{authority}{text}")
        # A literal `%` could make an escape together with what follows it.
        plain = not hosts and "%" not in text
        self._plain = self._pattern(f"{scheme}://{authority}{text}") if plain else None

    def url(self, scopes: Scopes) -> str:
        """The URL of one call, percent-encoded, without a query.

        Raises:
            InvalidArguments: a path value cannot be a segment.
            AddressForbidden: the account's context leads to another host.
        """
        if self._constant is not None:
            return self._constant
        authority = "".join(
            part if isinstance(part, str) else _host_value(part.value(scopes), part.name)
            for part in self._authority.parts
        )
        url = f"{self._scheme}://{authority}{render_path(self._path, scopes)}"
        if self._plain is not None and self._plain.fullmatch(url) and len(url) <= URL_MAX_CHARS:
            return url  # (5)
        return self._checked(url)

    def _pattern(self, text: str) -> re.Pattern[str]:
        """(5) What the URL looks like with plain values, once the template has passed with some."""
        self._checked(text.replace(_TOKEN, "x"))
        return re.compile(PLAIN.join(map(re.escape, text.split(_TOKEN))))

    def _checked(self, url: str) -> str:
        if len(url) > URL_MAX_CHARS:
            raise InvalidArguments("The arguments make a URL that is too long.")
        sent, folded = _read(url, folded=False), _read(url, folded=True)
        for reading, shape in ((sent, self._sent), (folded, self._folded)):
            if (reading.scheme, reading.port) != (self._scheme, self._port):  # (3)
                raise AddressForbidden
            if reading.user is not None or reading.raw_query_string or reading.raw_fragment:
                raise AddressForbidden
            if not shape.fits(reading):  # (4)
                raise InvalidArguments("A path value changes the address of the request.")
        host = (sent.raw_host or "").lower()
        if not host or host != (folded.raw_host or "").lower():  # (3)
            raise AddressForbidden
        places = {host, f"{host}:{sent.port}"}
        if self._hosts and not any(self._allows(place) for place in places):  # (2)
            raise AddressForbidden("The upstream's host is not one that the integration allows.")
        return url

    def _allows(self, place: str) -> bool:
        return any(pattern.fullmatch(place) for pattern in self._hosts)


class _Shape:
    """The segments that one reading of the template has; None where values stand."""

    def __init__(self, text: str, literal: list[str | None], *, folded: bool) -> None:
        example = _segments(_read(f"http://x{text.replace(_TOKEN, 'x')}", folded=folded))
        self._segments = [
            None if wanted is None else segment
            for segment, wanted in zip(example, literal or [""], strict=True)
        ]

    def fits(self, reading: URL) -> bool:
        """Whether that URL has these segments, and values only where values may stand."""
        found = _segments(reading)
        return len(found) == len(self._segments) and all(
            wanted in {None, segment} for segment, wanted in zip(found, self._segments, strict=True)
        )


def _read(url: str, *, folded: bool) -> URL:
    try:
        return URL(url, encoded=not folded)
    except ValueError:
        raise AddressForbidden("The upstream's address is not a URL.") from None


def _segments(url: URL) -> list[str]:
    return url.raw_path.split("/")


def _tokens(template: Template) -> str:
    return "".join(part if isinstance(part, str) else _TOKEN for part in template.parts)


def _path(prefix: str, local: str) -> str:
    joined = prefix.rstrip("/") + (local if local.startswith("/") or not local else f"/{local}")
    return _TOKEN.join(quote(piece, safe=_PATH_SAFE) for piece in (joined or "/").split(_TOKEN))


def _template(text: str, placeholders: tuple[object, ...]) -> Template:
    """The template back from its tokens."""
    values = iter(placeholders)
    parts = [
        next(values) if piece == _TOKEN else piece
        for piece in re.split(f"({_TOKEN})", text)
        if piece
    ]
    return Template(text, tuple(parts))  # type: ignore[arg-type]  # tokens stand for placeholders


def _pattern(host: str) -> re.Pattern[str]:
    """`*` in a pattern of `allowed_hosts` stands for exactly one label; a port may follow."""
    return re.compile("[a-z0-9-]+".join(re.escape(part) for part in host.lower().split("*")))


def _host_value(value: object, name: str) -> str:
    text = "" if value is MISSING or value is None else as_text(value)
    if _HOST_VALUE.fullmatch(text) is None or ".." in text:
        raise AddressForbidden(f"The account's '{name}' is missing or cannot be part of a host.")
    return text
