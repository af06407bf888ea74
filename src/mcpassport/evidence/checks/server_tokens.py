"""Checks of tokens: what they hold, how they are stored, and how every dead one is answered."""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from mcpassport.evidence import raw
from mcpassport.evidence.bench import Bench, Headers, Message
from mcpassport.evidence.brief import TTL_S, brief_server
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.traces import traces_of
from mcpassport.gate.tokens import ALPHABET, BODY_CHARS, issue, token_hash
from mcpassport.limits import SERVER_TOKEN_PREFIX
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import DATA_FILE, folder_url, open_keystore
from mcpassport.store.keys import open_keys

MADE: Final = 40
STRANGER: Final = ("X-Forwarded-For", "198.51.100.7")
"""A client network of its own (RFC 5737), as the proxy of the sandbox would pass it on."""
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
LONG: Final = (("Content-Length", "1000000"),)
_SHAPE: Final = re.compile(rf"mcpp_srv_([{ALPHABET}]{{{BODY_CHARS}}})_[{ALPHABET}]{{6}}")


async def random_tokens(bench: Bench, finding: Finding) -> None:
    """AUT-01. Control: a text of the same shape with one fixed half is told from random ones."""
    first = await bench.grant()
    grants = [await bench.grant(first.tenant, first.account) for _ in range(MADE)]
    bodies = [found[1] for each in grants if (found := _SHAPE.fullmatch(each.token))]
    shaped = f"{MADE} tokens: {BODY_CHARS} characters of {len(ALPHABET)}, 256 bits"
    finding.expect(len(bodies) == MADE, shaped, len(bodies))
    finding.expect(_random(bodies), "every character of them is drawn anew")
    hashes = await _hashes(bench, [each.token for each in grants])
    held = (bench.sandbox.data / DATA_FILE).read_bytes() + _journal(bench)
    known = [each for each in hashes if each.encode() in held]
    finding.expect(len(known) == MADE, "each is looked up by its HMAC-SHA256", len(known))
    fixed = [body[:20] + "0" * (BODY_CHARS - 20) for body in bodies]
    finding.control = not _random(fixed)


async def keyed_hashes(bench: Bench, finding: Finding) -> None:
    """CRE-03. Control: the hashes are found by the search that finds no token."""
    grant = await bench.grant()
    api = (await bench.api_token("factor", grant.tenant))["token"]
    shown = {"server token": grant.token, "api token": api}
    traces = await traces_of(bench, shown)
    finding.expect(not traces.found, f"neither is stored, in any form; {traces}", traces.found)
    hashes = await _hashes(bench, list(shown.values()))
    held = (bench.sandbox.data / DATA_FILE).read_bytes() + _journal(bench)
    keyed = all(each.encode() in held for each in hashes)
    finding.expect(keyed, "both are stored as HMAC-SHA256 under the token key")
    others = await _hashes(bench, list(shown.values()), KeyMaterial(secrets.token_bytes(32)))
    finding.control = keyed and not any(each.encode() in held for each in others)


async def one_answer(bench: Bench, finding: Finding) -> None:
    """AUT-03. Control: a live token at the same address is answered otherwise."""
    live = await bench.grant()
    path = f"/integrated-account/{live.account}/mcp"
    revoked, suspended = [await bench.grant(live.tenant, live.account) for _ in range(2)]
    await bench.manage("DELETE", f"{path}/{revoked.server}")
    await bench.manage("POST", f"{path}/{suspended.server}/suspend")
    expired = await brief_server(bench, live)
    await bench.sandbox.step(TTL_S + 1)
    unknown = issue(SERVER_TOKEN_PREFIX, secrets.token_bytes)
    dead = {
        "unknown": f"/mcp/{unknown}",
        "malformed": "/mcp/x",
        "revoked": revoked.address,
        "suspended": suspended.address,
        "expired": expired.address,
    }
    port, answers = bench.sandbox.ready.port, {}
    for kind, address in dead.items():
        # More is announced than is sent: whoever waited for the body would not answer.
        answer = await raw.ask(port, "POST", address, (*_json(), *LONG))
        answers[kind] = (answer.status, answer.body, _told(answer.headers))
    same = len(set(answers.values())) == 1 and answers["unknown"][0] == NOT_FOUND
    finding.expect(same, f"{', '.join(dead)}: one HTTP 404, before the body", answers)
    most = bench.sandbox.ready.limits["strangers_per_10s"]
    statuses = [
        (await bench.rpc(dead["unknown"], Message("ping", {}), STRANGER)).status
        for _ in range(most + most // 2)
    ]
    finding.expect(TOO_MANY in statuses, f"a network beyond {most} in 10 s: HTTP 429")
    finding.expect(set(statuses) == {NOT_FOUND, TOO_MANY}, "and 404 before", set(statuses))
    await bench.lab.answer()
    finding.control = await bench.call(live, GET, **CALLS[GET]) == "ok"


def _random(bodies: Sequence[str]) -> bool:
    """Whether no place of the texts has the same character in all of them."""
    return bool(bodies) and all(len(set(place)) > 1 for place in zip(*bodies, strict=True))


def _json() -> Headers:
    return (("Content-Type", "application/json"), ("Accept", "application/json"))


def _told(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(each for each in headers if each[0] not in {"date", "server"}))


def _journal(bench: Bench) -> bytes:
    journal = bench.sandbox.data / f"{DATA_FILE}-wal"
    return journal.read_bytes() if journal.exists() else b""


async def _hashes(bench: Bench, tokens: Sequence[str], key: KeyMaterial | None = None) -> list[str]:
    """What the deployment stores of these tokens, made from its own files."""
    if key is None:
        keys = await open_keys(
            open_keystore(folder_url(bench.sandbox.data)),
            bench.sandbox.master_key,
            clock=partial(datetime.now, UTC),
            random=secrets.token_bytes,
        )
        key = (await keys.token_keys()).current.key
        await keys.close()
    return [token_hash(key, token) for token in tokens]
