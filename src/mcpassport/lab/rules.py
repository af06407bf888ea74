"""Which answer a request gets: ordered rules, the first that fits and is not used up."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from mcpassport.lab.channel import Fault
from mcpassport.lab.faults import decode_fault
from mcpassport.lab.wire import Received, Rendered, render


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer, as the control interface takes it; `body` and `raw` are base64."""

    path: str
    """Of the target: with its query if `?` is in it, else without; a last `*` stands for the rest.
    """
    method: str = "*"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    """The whole response, byte for byte, instead of status, headers and body."""
    fault: dict[str, Any] = field(default_factory=lambda: {"kind": "plain"})
    times: int | None = None
    """How many requests it answers; None for any number."""

    def fits(self, request: Received) -> bool:
        """Whether method and path are the rule's."""
        if self.method not in {"*", request.method}:
            return False
        target = request.target if "?" in self.path else request.target.partition("?")[0]
        if self.path.endswith("*"):
            return target.startswith(self.path[:-1])
        return target == self.path

    def rendered(self) -> Rendered:
        """The response as bytes; of a raw one, the head is what stands before the empty line."""
        if self.raw is None:
            return render(self.status, self.headers, self.body)
        head, separator, body = self.raw.partition(b"\r\n\r\n")
        return Rendered(head + separator, body)


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `PUT /_lab/answers`."""

    answers: tuple[Rule, ...]


NOT_FOUND = render(
    404, (("Content-Type", "application/json"),), b'{"error":"the lab has no answer for this"}'
)


class Rules:
    """The rules in force, and how often each was used."""

    def __init__(self) -> None:
        self._rules: list[tuple[Rule, Rendered, Fault]] = []
        self._used: list[int] = []

    def replace(self, rules: Sequence[Rule]) -> None:
        """Put these in place of all others; `ValidationError` changes nothing."""
        ready = [(rule, rule.rendered(), decode_fault(rule.fault)) for rule in rules]
        self._rules, self._used = ready, [0] * len(ready)

    def answer(self, request: Received) -> tuple[Rendered, Fault]:
        """The answer to that request and the way to deliver it; 404 if no rule fits."""
        for index, (rule, rendered, fault) in enumerate(self._rules):
            free = rule.times is None or self._used[index] < rule.times
            if free and rule.fits(request):
                self._used[index] += 1
                return rendered, fault
        return NOT_FOUND, decode_fault({"kind": "plain"})


def decode_answers(body: bytes) -> tuple[Rule, ...]:
    """The rules of a control request; `MsgspecError` says what is wrong with it."""
    return msgspec.json.decode(body, type=Answers).answers
