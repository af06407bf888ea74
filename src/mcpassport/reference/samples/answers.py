"""Answers that the document shows, as a running deployment gave them. A test asks for each again.

What differs from answer to answer, the request id, stands as `req_…`.
"""

from typing import Final

FACTOR_MISSING: Final = """\
{
  "error": {
    "type": "second_factor_required",
    "message": "This server needs a second factor.",
    "whose": "caller",
    "retry": {"safe": false, "after_seconds": null},
    "upstream_status": null,
    "ratelimit": null,
    "request_id": "req_…"
  }
}"""

LIMITED_HEADERS: Final = """\
HTTP/1.1 429
ratelimit-limit: 100
ratelimit-remaining: 0
ratelimit-reset: 12
ratelimit-policy: "upstream";q=100
ratelimit: "upstream";r=0;t=12
retry-after: 12"""

LIMITED: Final = """\
{
  "jsonrpc": "2.0",
  "id": 7,
  "error": {
    "code": 429,
    "message": "The upstream API's rate limit is reached. Wait 12 seconds before another call.",
    "data": {
      "type": "rate_limited",
      "message": "The upstream API's rate limit is reached.",
      "whose": "upstream",
      "retry": {"safe": true, "after_seconds": 12},
      "upstream_status": 429,
      "ratelimit": {"limit": 100, "remaining": 0, "reset": 12},
      "request_id": "req_…"
    }
  }
}"""

LIMITED_LEGACY: Final = """\
{
  "jsonrpc": "2.0",
  "id": 7,
  "result": {
    "content": [
      {
        "type": "text",
        "text": "rate_limited: The upstream API's rate limit is reached.\\nThe upstream API \
answered with status 429.\\nWait 12 seconds before another call.\\nRequest id: req_…"
      }
    ],
    "isError": true,
    "_meta": {
      "mcpassport/error": {
        "type": "rate_limited",
        "message": "The upstream API's rate limit is reached.",
        "whose": "upstream",
        "retry": {"safe": true, "after_seconds": 12},
        "upstream_status": 429,
        "ratelimit": {"limit": 100, "remaining": 0, "reset": 12},
        "request_id": "req_…"
      }
    }
  }
}"""
