"""The other readers of bytes from outside: YAML, OpenAPI, exports, tokens, providers' answers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tests.fuzz.mutate import TEXTS, damaged, spelled, text, tree
from tests.support.calling import NOW
from tests.support.deployment import NOTES
from tests.support.descriptions import CASES, SMALL, write_folder

from mcpassport.audit.chain import link
from mcpassport.audit.checkpoint import SigningKey, fingerprint_of
from mcpassport.audit.export import as_lines, checkpoint_line
from mcpassport.audit.verification import verify_file
from mcpassport.errors import InvalidIntegration
from mcpassport.gate.presented import Presented, read_claim
from mcpassport.gate.tokens import issue, well_formed
from mcpassport.integrations.lint import check
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import import_openapi
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX
from mcpassport.records.audit import ChainedRow
from mcpassport.records.calls import OutboundResponse
from mcpassport.store.protocol import GENESIS
from mcpassport.upstream.auth.token_endpoint import Refused, Tokens, read_answer
from mcpassport.upstream.query import sendable


class Reader(NamedTuple):
    """One reader: a function that raises when it does what it must not."""

    attempt: Callable[[Random, Path], None]
    share: int
    """Of a thousand inputs of a whole run."""


# YAML

FILES: Final = {
    name: (NOTES / name).read_bytes() for name in ("integration.yaml", "docs/notes.yaml")
}
PIECES: Final = (
    *(b"&a ", b"*a", b"!!python/object:os.system ", b"<<: *a\n", b"? ", b"- " * 50, b"[" * 200),
    *(
        b"{a: " * 100,
        b"\t",
        b"%YAML 1.1\n",
        b"---\n",
        b"...\n",
        b"!!binary YQ==",
        b"0o17",
        b"1e999",
    ),
    *(b"\x00", b"\xff\xfe", b"\xc2\x85", b"name: x\nname: y\n", b"{{args.x}}", b"yes", b"~", b"'"),
)


def read_yaml(rng: Random, folder: Path) -> None:
    """A folder whose files have a mistake anywhere: findings, or an integration; never a crash."""
    home = folder / "notes"
    (home / "docs").mkdir(parents=True, exist_ok=True)
    for name, whole in FILES.items():
        (home / name).write_bytes(whole)
    name = rng.choice(tuple(FILES))
    data = bytearray(FILES[name])
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at:at] = rng.choice(PIECES)
        elif kind == 1:
            del data[at : at + rng.choice((1, 2, 10, 500))]
        elif kind == 2:
            data[at] = rng.randrange(256)
        else:
            end = rng.randrange(at, min(len(data), at + 200))
            data[at:at] = data[at:end] * rng.choice((1, 2, 20))
    (home / name).write_bytes(bytes(data))
    loaded = load_folder(home)
    errors = [each for each in loaded.findings if each.severity == "error"]
    assert (loaded.integration is None) == bool(errors), bytes(data)
    report = check(loaded)
    assert all(each.message and each.mend and each.where for each in report.findings), bytes(data)


# OpenAPI

SHOP: Final = json.loads((CASES / "shop-2.0" / "spec.json").read_text())


def read_openapi(rng: Random, folder: Path) -> None:
    """A description with mistakes: refused in words, or a folder that loads."""
    described = damaged(rng, spelled(rng, tree(rng, rng.choice((SMALL, SHOP)))))
    file = folder / "spec.json"
    file.write_bytes(described)
    try:
        imported = import_openapi(file, name=None)
    except InvalidIntegration:
        return
    out = folder / "out"
    for old in sorted(out.rglob("*.yaml")):
        old.unlink()
    loaded = load_folder(write_folder(imported, out))
    assert loaded.integration is not None, described


# Exported audits

KEY: Final = SigningKey(b"k" * 32)
FINGERPRINT: Final = fingerprint_of(KEY.public)


def _export() -> tuple[bytes, ...]:
    lines: list[bytes] = []
    previous = GENESIS
    for sequence in range(1, 9):
        body = b'{"n":%d,"t":"\xc3\xa9"}' % sequence
        previous = link(previous, sequence, body)
        row = ChainedRow("acme", sequence, previous, body)
        lines.append(as_lines([row]))
        if sequence in {4, 8}:
            lines.append(checkpoint_line(KEY.sign(row, NOW)))
    return tuple(lines)


EXPORT: Final = _export()
ROWS: Final = 8


def read_export(rng: Random, folder: Path) -> None:
    """A file that was tampered with: a verdict; whole only if its rows say what they said."""
    lines = list(EXPORT)
    for _ in range(rng.randint(1, 2)):
        at, kind = rng.randrange(len(lines)), rng.randrange(5)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines[at:at] = [rng.choice(lines)]
        elif kind == 2:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            try:
                lines[at] = spelled(rng, tree(rng, json.loads(lines[at]))) + b"\n"
            except ValueError:
                lines[at] = b"\n"
        else:
            data = bytearray(lines[at] or b"\n")
            data[rng.randrange(len(data))] = rng.randrange(256)
            lines[at] = bytes(data)
    file = folder / "export.ndjson"
    file.write_bytes(b"".join(lines))
    verdict = verify_file(file, FINGERPRINT)
    if verdict.broken is None and verdict.rows:
        # What verifies is a piece of the true chain, row for row.
        assert verdict.chain == "acme", lines
        assert 1 <= verdict.first <= verdict.last <= ROWS, lines
        kept = [_said(line) for line in b"".join(lines).split(b"\n") if line.strip()]
        assert all(said in TRUE for said in kept), lines


def _said(line: bytes) -> Any:
    """What a row says, without its place; nothing of a checkpoint."""
    row = json.loads(line)
    return {} if "checkpoint" in row else {name: row[name] for name in row if name not in PLACE}


PLACE: Final = {"chain", "sequence", "hash"}
TRUE: Final = [_said(line) for line in EXPORT]


# Tokens


PREFIXES: Final = (SERVER_TOKEN_PREFIX, API_TOKEN_PREFIX)


def read_token(rng: Random, _folder: Path) -> None:
    """A token with a change is not well formed, wherever it is presented."""
    prefix = rng.choice(PREFIXES)
    token = issue(prefix, rng.randbytes)
    assert well_formed(token, prefix)
    wrong = text(rng, token)
    if wrong != token and len(wrong) == len(token) and sum(map(str.__ne__, wrong, token)) == 1:
        assert not well_formed(wrong, prefix), (token, wrong)
    claim = read_claim(
        Presented(
            path_token=rng.choice((wrong, None)),
            server_id=rng.choice((None, "x")),
            authorization=rng.choice((None, f"Bearer {wrong}", wrong, *TEXTS)),
            api_token=rng.choice((None, wrong, *TEXTS)),
        )
    )
    for found, kind in zip((claim.server_token, claim.api_token), PREFIXES, strict=True):
        assert found is None or well_formed(found, kind), (token, wrong)
    assert token not in repr(claim)


# What a provider answers a token request with


GRANTED: Final = {
    "access_token": "token",
    "refresh_token": "another",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "read write",
}
REFUSED: Final = {"error": "invalid_grant", "error_description": "no"}
STATUSES: Final = (200, 201, 400, 401, 429, 500, 302)


def read_grant(rng: Random, _folder: Path) -> None:
    """Tokens that can be sent, a code that is known, or nothing; never a crash."""
    body = damaged(rng, spelled(rng, tree(rng, rng.choice((GRANTED, REFUSED)))))
    if rng.randrange(20) == 0:
        body = rng.choice((b"[", b'{"a":')) * rng.choice((100, 60_000)) + body
    answer = OutboundResponse(status=rng.choice(STATUSES), headers=(), body=body)
    found = read_answer(answer)
    if isinstance(found, Tokens):
        assert found.fields["token"], body
        assert all(sendable(each) for each in found.fields.values()), body
        assert found.expires_in is None or found.expires_in >= 0, body
        assert repr(found) == f"Tokens({len(found.fields)})"
    elif isinstance(found, Refused):
        assert found.code == "unknown" or found.code.isascii(), body
        assert answer.status >= 300, body


READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "yaml": Reader(read_yaml, share=10),
        "openapi": Reader(read_openapi, share=10),
        "export": Reader(read_export, share=60),
        "token": Reader(read_token, share=100),
        "grant": Reader(read_grant, share=60),
    }
)
