"""Judging a request before it leaves: its URL, its method, its headers."""

import re
from typing import Final
from urllib.parse import quote, urlencode

from multidict import CIMultiDict
from yarl import URL

from mcpassport.errors import AddressForbidden, UnsendableRequest
from mcpassport.http.address import is_host
from mcpassport.http.body import ACCEPT_ENCODING
from mcpassport.limits import FRAMING_HEADERS
from mcpassport.records.calls import OutboundRequest

_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_REFUSED: Final = FRAMING_HEADERS - {"accept-encoding"}
"""The one left out gives way to ours, without harm."""


def vetted_url(request: OutboundRequest) -> URL:
    """The URL with its secret query, judged as it was parsed, byte for byte as it came."""
    if _URL.fullmatch(request.url) is None:
        raise AddressForbidden("The upstream's address holds characters that no URL may hold.")
    text = request.url
    if request.secret_query:
        text += "&" if "?" in text else "?"
        text += urlencode(request.secret_query, quote_via=quote, safe="")
    url = URL(text, encoded=True)
    if url.scheme not in {"http", "https"} or url.user is not None or url.password is not None:
        raise AddressForbidden("The upstream's address is not a plain http or https address.")
    if not url.raw_host or not url.port or not is_host(url.raw_host):
        raise AddressForbidden("The upstream's host is not a name or a canonical address.")
    return url


def vetted_headers(request: OutboundRequest) -> CIMultiDict[str]:
    """The headers, secret ones joined; `UnsendableRequest` if one could do harm."""
    if _TOKEN.fullmatch(request.method) is None or request.method.upper() == "CONNECT":
        raise UnsendableRequest("The request's method is not one that may be sent.")
    headers = CIMultiDict((*request.headers, *request.secret_headers))
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None or name.lower() in _REFUSED:
            raise UnsendableRequest("A request header's name is not one that may be set.")
        if _BAD_VALUE.search(value) is not None:
            raise UnsendableRequest("A request header's value holds a control character.")
    headers["Accept-Encoding"] = ACCEPT_ENCODING
    return headers
