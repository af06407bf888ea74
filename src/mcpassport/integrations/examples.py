"""Recorded examples are run: request and answer as they were, nothing else, and no network.

1. The arguments are checked as a caller's would be, and the request is built as for a call, under a
   credential that is made up.
2. What was recorded of the request is compared with it; the made-up credential is no part of it.
3. The recorded answer is interpreted as one of the API's, and what the tool says is compared.
Cursors that we make stand in examples as they are before they are sealed: a page number, an offset,
a query. Every difference is a finding with the place of what was expected.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mcpassport.catalog.arguments import validator_for
from mcpassport.errors import InvalidArguments, McpassportError, UnsendableRequest, envelope_of
from mcpassport.expressions import Evaluator
from mcpassport.integrations.compared import difference, shown_blocks, shown_body, shown_query
from mcpassport.integrations.load import Loaded
from mcpassport.limits import Limits
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse, Outcome
from mcpassport.records.findings import Finding
from mcpassport.records.grants import Account
from mcpassport.records.integration import Integration
from mcpassport.records.masked import Secret
from mcpassport.records.tool import Catalog, Tool
from mcpassport.upstream.call import Upstream
from mcpassport.upstream.media import is_json, media_type

RULE: Final = "example_failed"
MEND: Final = "Mend the example, or what makes another request or result of it."
MADE_UP: Final = "example"
_NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
_RUN: Final = ("request", "answer")
Slip = tuple[tuple[str | int, ...], str]


class Recorded:
    """In place of the network: gives the recorded answer, and keeps the request."""

    def __init__(self, answer: Mapping[str, Any] | None) -> None:
        self.request: OutboundRequest | None = None
        self._answer = answer

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The recorded answer; without one the request is all that was wanted."""
        self.request = request
        if self._answer is None:
            raise UnsendableRequest
        return _response(self._answer)

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """As `send`, the body in one piece."""
        answer = await self.send(request)
        if not follower.begin(answer.status, answer.headers):
            return answer
        await follower.take(answer.body)
        return msgspec.structs.replace(answer, body=b"")


class Unsealed:
    """In place of the vault: cursors as they are, so that people can write them."""

    async def seal_text(self, _tenant: str, _version: int, _associated: bytes, text: bytes) -> str:
        """The text itself."""
        return text.decode()

    async def unseal_text(self, _tenant: str, _associated: bytes, sealed: str) -> bytes:
        """The text itself."""
        return sealed.encode()


async def run_examples(loaded: Loaded, catalog: Catalog) -> tuple[Finding, ...]:
    """A finding for each difference. Examples without a request and an answer are not run."""
    integration = loaded.integration
    if integration is None:
        return ()
    tools = {(tool.method.resource, tool.method.method): tool for tool in catalog.tools}
    found: list[Finding] = []
    evaluator = Evaluator()
    try:
        for index, example in enumerate(loaded.examples):
            name = (example["resource"], example["method"])
            if not any(example.get(part) is not None for part in _RUN) or name not in tools:
                continue
            run = _Run(tools[name], integration, evaluator)
            found += [
                Finding("error", RULE, loaded.where("examples", index, *path), said, MEND, *name)
                for path, said in await run.slips(example)
            ]
    finally:
        await evaluator.close()
    return tuple(found)


class _Run:
    """One example of one tool."""

    def __init__(self, tool: Tool, integration: Integration, evaluator: Evaluator) -> None:
        self._tool = tool
        self._integration = integration
        self._evaluator = evaluator

    async def slips(self, example: Mapping[str, Any]) -> list[Slip]:
        """What differs, with the place of what was expected."""
        try:
            given = msgspec.json.encode(example.get("arguments", {}))
            arguments = validator_for(self._tool).check(given)  # (1)
        except InvalidArguments as error:
            return [(("arguments",), self._said(f"the arguments are refused: {error}"))]
        network = Recorded(example.get("answer"))
        try:
            outcome = await self._called(network, arguments, example.get("context", {}))
        except ValueError:  # a sealed cursor is trusted; this one people wrote
            return [(("arguments",), self._said("next_cursor is no cursor of this list."))]
        if network.request is None:
            failure = outcome.error or UnsendableRequest()
            if example.get("error") == _type_of(failure):
                return []
            return [(("arguments",), self._said(f"no request is made: {failure}"))]
        expected = example.get("request") or {}
        slips = list(_request_slips(expected, network.request))  # (2)
        if example.get("answer") is not None:
            slips += _answer_slips(example, outcome)  # (3)
        return [(path, self._said(said)) for path, said in slips]

    async def _called(
        self, network: Recorded, arguments: dict[str, Any], context: Mapping[str, str]
    ) -> Outcome:
        kind = self._integration.credentials[0]
        credential = {field.name: MADE_UP for field in kind.fields}
        upstream = Upstream(
            http=network,
            evaluator=self._evaluator,
            vault=Unsealed(),
            limits=Limits(),
            clock=lambda: _NOON,
        )
        account = Account(
            id=MADE_UP,
            tenant=MADE_UP,
            integration=self._integration.name,
            name=MADE_UP,
            created_at=_NOON,
            updated_at=_NOON,
            credential_kind=kind.kind,
            context=dict(context),
        )
        secret = Secret(msgspec.json.encode(credential))
        return await upstream.call(self._tool, arguments, account, secret, 1)

    def _said(self, said: str) -> str:
        return f"{self._tool.name}: {said}"


def _response(answer: Mapping[str, Any]) -> OutboundResponse:
    body, headers = answer.get("body"), dict(answer.get("headers", {}))
    named = {name.lower(): value for name, value in headers.items()}
    media, _ = media_type(named.get("content-type", "application/json"))
    if isinstance(body, str) and not is_json(media):
        data = body.encode()
    elif body is None:
        data = b""
    else:
        data = msgspec.json.encode(body)
        named.setdefault("content-type", "application/json")
    status: int = answer.get("status", 200)
    return OutboundResponse(status=status, headers=tuple(named.items()), body=data)


def _request_slips(expected: Mapping[str, Any], request: OutboundRequest) -> Iterator[Slip]:
    http, url = expected.get("http"), expected.get("url")
    if http is not None and http != request.method:
        yield ("request", "http"), f"the request is {request.method}, not {http}."
    if url is not None and shown_query(url) != shown_query(request.url):
        yield ("request", "url"), f"the request goes to {request.url}, not {url}."
    sent = {name.lower(): value for name, value in request.headers}
    for name, value in expected.get("headers", {}).items():
        if sent.get(name.lower()) != value:
            said = f"the header {name} is {_quoted(sent.get(name.lower()))}, not {_quoted(value)}."
            yield ("request", "headers", name), said
    if "body" in expected:
        found = difference(expected["body"], shown_body(request.body, sent.get("content-type", "")))
        if found is not None:
            yield ("request", "body", *found.path), f"the body {found.said}"


def _answer_slips(example: Mapping[str, Any], outcome: Outcome) -> Iterator[Slip]:
    wanted = example.get("error")
    if outcome.error is not None:
        kind = _type_of(outcome.error)
        if kind != wanted:
            path = ("error",) if wanted else ("answer",)
            yield path, f"the answer is an error, {kind}: {outcome.error}"
        return
    if wanted is not None:
        yield ("error",), f"the answer is no error, and {wanted} was expected."
    if "response" in example:
        value = None if outcome.value is None else msgspec.json.decode(outcome.value)
        found = difference(example["response"], value)
        if found is not None:
            yield ("response", *found.path), f"the result {found.said}"
    if "content" in example:
        found = difference(example["content"], shown_blocks(outcome.content))
        if found is not None:
            yield ("content", *found.path), f"the content {found.said}"


def _type_of(error: Exception) -> str:
    return envelope_of(error).type if isinstance(error, McpassportError) else type(error).__name__


def _quoted(value: str | None) -> str:
    return "absent" if value is None else repr(value)
