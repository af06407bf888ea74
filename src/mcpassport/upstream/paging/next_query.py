"""The query of a next page's URL: the one part of it that is kept.

1. A relative URL is resolved against the method's.
2. Its host and path must be equal to the method's; scheme and port are not looked at, since
   nothing but the query is used (proxies often write `http` and their own port there).
3. What is kept is the percent-encoded query; none at all means that there is no next page.
"""

from yarl import URL

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.upstream.paging.turn import PLAIN_CURSOR_MAX_CHARS


def query_of(next_url: str | None, method_url: str) -> str | None:
    """The query of the next page, or None.

    Raises:
        MalformedUpstreamResponse: the URL leads elsewhere, or is none, or is too long.
    """
    if not next_url:
        return None
    try:
        method = URL(method_url)
        found = method.join(URL(next_url.strip()))  # (1)
        same = (found.raw_host, found.raw_path) == (method.raw_host, method.raw_path)  # (2)
        query = found.raw_query_string  # (3)
    except ValueError:
        raise MalformedUpstreamResponse("The next page's address is not a URL.") from None
    if not same:
        raise MalformedUpstreamResponse("The next page's address is not this method's.")
    if len(query) > PLAIN_CURSOR_MAX_CHARS:
        raise MalformedUpstreamResponse("The next page's address is too long.")
    return query or None
