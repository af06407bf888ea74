"""Starts the recording upstream as its own process and talks to it."""

import base64
import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request that the lab recorded."""

    number: int
    connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ended: str

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


def rule(path: str, body: bytes | str | None = None, **more: Any) -> dict[str, Any]:
    """One answer; `json` is sent as JSON, `raw` and `body` may be bytes or text."""
    answer: dict[str, Any] = {"path": path, **more}
    if "json" in answer:
        body = json.dumps(answer.pop("json"))
        answer["headers"] = [*answer.get("headers", []), ["Content-Type", "application/json"]]
    for name, value in (("body", body), ("raw", answer.get("raw"))):
        if value is not None:
            data = value.encode() if isinstance(value, str) else value
            answer[name] = base64.b64encode(data).decode()
    return answer


@dataclass
class Lab:
    """The control interface of a running lab."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def listing(self) -> str:
        """What `private_hosts` needs to let the gateway in."""
        return f"{self.host}:{self.port}"

    def answers(self, *rules: dict[str, Any]) -> None:
        """Replace the rules; the first that fits answers."""
        self.control("PUT", "answers", {"answers": list(rules)})

    def requests(self) -> list[Seen]:
        """What came in, oldest first."""
        return [
            Seen(
                number=record["number"],
                connection=record["connection"],
                method=record["request"]["method"],
                target=record["request"]["target"],
                headers=tuple((k, v) for k, v in record["request"]["headers"]),
                body=base64.b64decode(record["request"]["body"]),
                ended=record["ended"],
            )
            for record in self.control("GET", "requests")["requests"]
        ]

    def wait_for(self, count: int = 1, *, ended: str | None = None) -> list[Seen]:
        """The requests, once so many have come in (and ended so); fails after 10 seconds."""
        deadline = time.monotonic() + 10
        while True:
            seen = [r for r in self.requests() if ended is None or r.ended == ended]
            if len(seen) >= count:
                return seen
            assert time.monotonic() < deadline, f"{len(seen)} of {count} requests in 10 s"
            time.sleep(0.01)

    def forget(self) -> None:
        """Drop the records."""
        self.control("DELETE", "requests")

    def control(self, method: str, route: str, value: Any = None) -> Any:
        """One control request; an answer other than 200 fails."""
        status, body = self.send(method, f"/_lab/{route}", json.dumps(value) if value else None)
        assert status == 200, body
        return json.loads(body)

    def send(self, method: str, target: str, body: str | None = None) -> tuple[int, bytes]:
        """Any request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(method, target, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextlib.contextmanager
def running_lab() -> Iterator[Lab]:
    """A lab on a free loopback port, stopped when the block ends or this process dies."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcpassport.lab", "--port", "0", "--with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Lab(**json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=10)
