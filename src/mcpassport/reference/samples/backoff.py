"""Call a tool and back off as the answer says: wait for the reset, add jitter, give up."""

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

ATTEMPTS = 5
LONGEST_WAIT = 300.0  # seconds; a reset further away than this is not worth holding a worker


class ToolCallFailed(Exception):
    """The call failed for good; `envelope` says why."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        super().__init__(f"{envelope['type']}: {envelope['message']}")
        self.envelope = envelope


def post(url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """POST once. A 429 carries the same JSON as any other answer, so its body is read too."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # the URL is yours
    try:
        with urllib.request.urlopen(request, timeout=130) as answer:  # noqa: S310
            return dict(json.load(answer))
    except urllib.error.HTTPError as refusal:
        return dict(json.load(refusal))


def envelope_of(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The error envelope, wherever it stands; None if the call went well."""
    error = answer.get("error")
    if error is not None:
        return dict(error.get("data") or error)
    result = answer.get("result", {})
    if result.get("isError"):
        return dict(result.get("_meta", {}).get("mcpassport/error", {}))
    return None


def wait_for(envelope: dict[str, Any], attempt: int) -> float:
    """Seconds to wait: never less than the reset, plus up to a tenth and one second of jitter."""
    told = envelope.get("retry", {}).get("after_seconds")
    if told is None:
        told = (envelope.get("ratelimit") or {}).get("reset")
    base = float(told) if told is not None else min(60.0, 2.0**attempt)
    return base + random.uniform(0, 1 + base / 10)  # noqa: S311  # jitter, not a secret


def call_tool(
    url: str,
    name: str,
    arguments: dict[str, Any],
    headers: dict[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """The result of the tool. Raises ToolCallFailed when repeating is unsafe or pointless."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    params = {"name": name, "arguments": arguments}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    for attempt in range(1, ATTEMPTS + 1):
        answer = post(url, headers, json.dumps(call).encode())
        envelope = envelope_of(answer)
        if envelope is None:
            return dict(answer["result"])
        safe = envelope.get("retry", {}).get("safe", False)
        wait = wait_for(envelope, attempt)
        if not safe or attempt == ATTEMPTS or wait > LONGEST_WAIT:
            raise ToolCallFailed(envelope)
        sleep(wait)
    raise AssertionError("unreachable")
