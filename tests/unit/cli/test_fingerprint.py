"""`audit fingerprint`: offline, from the key, the arguments, and perhaps an export."""

import io
import json
from pathlib import Path

import msgspec
import pytest
from tests.support.calling import NOW
from tests.support.commands import Shell

from mcpassport.audit.chain import link
from mcpassport.audit.checkpoint import SigningKey
from mcpassport.audit.export import as_csv, as_lines, checkpoint_line
from mcpassport.audit.fingerprint import fingerprint
from mcpassport.records.audit import AuditRow, ChainedRow
from mcpassport.store.protocol import GENESIS

KEY = bytes(range(32))
ARGUMENTS = '{"id": 9007199254740993, "b": [1.0, true], "a": "\u00fc"}'
FINGERPRINT = fingerprint(KEY, json.loads(ARGUMENTS))


def exported() -> list[ChainedRow]:
    """Six rows, of which the second and the fifth are about a call with these arguments."""
    rows: list[ChainedRow] = []
    previous = GENESIS
    for sequence in range(1, 7):
        row = AuditRow(
            ts=NOW,
            phase="intent",
            request_id=f"req_{sequence}",
            tenant="acme",
            tool=f"t{sequence}",
            fingerprint=FINGERPRINT if sequence % 3 == 2 else fingerprint(KEY, {}),
        )
        body = msgspec.json.encode(row)
        previous = link(previous, sequence, body)
        rows.append(ChainedRow("acme", sequence, previous, body))
    return rows


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    return path


@pytest.fixture
def arguments(tmp_path: Path) -> Path:
    path = tmp_path / "arguments.json"
    path.write_text(ARGUMENTS)
    return path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "acme.ndjson"
    rows = exported()
    path.write_bytes(
        as_lines(rows[:3])
        + checkpoint_line(SigningKey(b"k" * 32).sign(rows[2], NOW))
        + as_lines(rows[3:])
    )
    return path


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_it_needs_no_deployment(
    bare: Shell, key: Path, arguments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From two files, or one of them on standard input, the fingerprint alone is printed."""
    for given in (("--key-file", key, arguments), (arguments, "--key-file", key)):
        assert bare.ok("audit", "fingerprint", *given).strip() == FINGERPRINT
    typed(monkeypatch, ARGUMENTS)
    assert bare.ok("audit", "fingerprint", "--key-file", key).strip() == FINGERPRINT
    typed(monkeypatch, KEY.hex())
    told = bare.json("audit", "fingerprint", arguments, "--key-file", "-")
    assert told == {"fingerprint": FINGERPRINT, "rows": None}
    assert "either the key or" in bare.refused(2, "audit", "fingerprint", "--key-file", "-")


def test_the_rows_of_the_call_are_found(
    bare: Shell, key: Path, arguments: Path, export: Path
) -> None:
    """Each row with the fingerprint is listed; without one the exit code says so."""
    ask = ("audit", "fingerprint", arguments, "--key-file", key, "--in", export)
    told = bare.json(*ask)
    assert [row["request_id"] for row in told["rows"]] == ["req_2", "req_5"]
    assert [row["sequence"] for row in bare.json(*ask, "--limit", "1")["rows"]] == [2]
    out = bare.ok(*ask)
    assert "req_5" in out
    assert "req_1" not in out
    arguments.write_text('{"id": 9007199254740992, "b": [1, true], "a": "\u00fc"}')
    assert "No row has it." in bare(*ask).out
    assert bare(*ask).code == 1
    arguments.write_text('{"a":"\u00fc","b":[1,true],"id":"9007199254740993"}')
    assert bare(*ask).code == 0
    key.write_text(bytes(32).hex())
    assert bare(*ask).code == 1


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("key", "00", "64 hexadecimal digits"),
        ("key", None, "No such file"),
        ("arguments.json", "[1]", "not a JSON object"),
        ("arguments.json", "{", "not a JSON object"),
        ("acme.ndjson", None, "No such file"),
        ("acme.ndjson", as_csv(exported()).decode(), "line 1 is no row"),
    ],
)
def test_what_is_no_input_is_refused(
    bare: Shell,
    tmp_path: Path,
    key: Path,
    arguments: Path,
    export: Path,
    file: str,
    text: str | None,
    says: str,
) -> None:
    """The file and what is wrong with it are named, and nothing of a key is repeated."""
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    ask = ("audit", "fingerprint", arguments, "--key-file", key, "--in", export)
    told = bare.refused(2, *ask)
    assert says in told
    assert file in told
    assert KEY.hex() not in told
