"""An exported file against everything that can be done to it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.support.calling import NOW

from mcpassport.audit.chain import link
from mcpassport.audit.checkpoint import SigningKey, fingerprint_of
from mcpassport.audit.export import LONGEST_LINE, as_lines, checkpoint_line
from mcpassport.audit.verification import verify_file
from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import GENESIS

KEY = SigningKey(b"k" * 32)
FINGERPRINT = fingerprint_of(KEY.public)
COUNT, SIGNED = 20, (5, 12)


def chained(bodies: list[bytes], chain: str = "acme") -> list[ChainedRow]:
    rows: list[ChainedRow] = []
    previous = GENESIS
    for sequence, body in enumerate(bodies, start=1):
        previous = link(previous, sequence, body)
        rows.append(ChainedRow(chain, sequence, previous, body))
    return rows


def lines(rows: list[ChainedRow], signer: SigningKey = KEY) -> list[bytes]:
    """Each row and, after some, the checkpoint of it."""
    found: list[bytes] = []
    for row in rows:
        found.append(as_lines([row]))
        if row.sequence in SIGNED:
            found.append(checkpoint_line(signer.sign(row, NOW)))
    return found


BODIES = [b'{"n":%d,"t":"\xc3\xa9"}' % n for n in range(COUNT)]
ROWS = chained(BODIES)
WHOLE = lines(ROWS)


def changed(row: ChainedRow) -> bytes:
    return as_lines([msgspec.structs.replace(row, body=b"{}")])


def rewritten(at: int) -> list[ChainedRow]:
    """The chain as somebody with the file, but without the key, would make it."""
    return chained([*BODIES[: at - 1], b"{}", *BODIES[at:]])


def kept_checkpoints(rows: list[ChainedRow]) -> list[bytes]:
    return [as_lines(rows), *(line for line in WHOLE if line.startswith(b'{"checkpoint"'))]


TAMPERED: dict[str, tuple[Callable[[], list[bytes]], int]] = {
    "a row deleted": (lambda: [*WHOLE[:8], *WHOLE[9:]], 8),
    "a row changed": (lambda: [*WHOLE[:2], changed(ROWS[2]), *WHOLE[3:]], 3),
    "the last row changed": (lambda: [*WHOLE[:-1], changed(ROWS[-1])], COUNT),
    "a row inserted": (lambda: [*WHOLE[:2], WHOLE[0], *WHOLE[2:]], 3),
    "two rows reordered": (lambda: [*WHOLE[:2], WHOLE[3], WHOLE[2], *WHOLE[4:]], 3),
    "a row of another chain": (
        lambda: [*WHOLE[:2], as_lines([chained(BODIES, "globex")[2]]), *WHOLE[3:]],
        3,
    ),
    "the beginning cut": (lambda: WHOLE[2:], 1),
    "the end cut before a signed row": (lambda: kept_checkpoints(ROWS[:8]), 9),
    "rewritten below a signed row": (lambda: kept_checkpoints(rewritten(3)), 5),
    "a signed row rewritten": (lambda: kept_checkpoints(rewritten(12)), 12),
    "signed by somebody else": (lambda: lines(rewritten(3), SigningKey(b"x" * 32)), 5),
    "a checkpoint moved": (
        lambda: [*WHOLE, WHOLE[5].replace(b'"sequence":5', b'"sequence":6')],
        6,
    ),
    "no checkpoint": (lambda: [*WHOLE, b'{"checkpoint":1}\n'], 0),
    "a checkpoint that is no text": (lambda: [*WHOLE, b'{"checkpoint":{"chain":"\xff"}}\n'], 0),
    "no row": (lambda: [*WHOLE[:2], b"{}\n", *WHOLE[3:]], 3),
    "an endless line": (lambda: [*WHOLE[:2], b"x" * (LONGEST_LINE + 9)], 3),
    "the last line cut off": (lambda: [*WHOLE[:-1], WHOLE[-1][:-2]], COUNT),
    "bytes that are no text": (lambda: [*WHOLE[:2], b"\xff\xfe\n"], 3),
}


def written(folder: Path, content: list[bytes]) -> Path:
    path = folder / "audit.ndjson"
    path.write_bytes(b"".join(content))
    return path


def test_a_whole_file_is_whole_and_anchored(tmp_path: Path) -> None:
    """Every row is counted, and the last signed one is named."""
    verdict = verify_file(written(tmp_path, WHOLE), FINGERPRINT)
    assert verdict == ("acme", COUNT, 1, COUNT, SIGNED[-1], None)


def test_without_a_fingerprint_nothing_is_anchored(tmp_path: Path) -> None:
    """The chain is recomputed, and no checkpoint is believed."""
    assert verify_file(written(tmp_path, WHOLE)) == ("acme", COUNT, 1, COUNT, 0, None)
    verdict = verify_file(written(tmp_path, WHOLE[6:]))
    assert verdict.broken is not None


@pytest.mark.parametrize("case", TAMPERED)
def test_what_was_done_to_a_file_is_found_and_located(tmp_path: Path, case: str) -> None:
    """The verdict names the first row that is not what it was, and says why."""
    make, sequence = TAMPERED[case]
    verdict = verify_file(written(tmp_path, make()), FINGERPRINT)
    assert verdict.broken is not None
    assert verdict.broken.sequence == sequence
    assert verdict.broken.reason


def test_every_single_change_of_a_byte_in_a_row_is_found(tmp_path: Path) -> None:
    """No byte of a row can differ without the file being refused."""
    line = WHOLE[2]
    for at in range(len(line) - 1):
        other = bytes([line[at] ^ 1])
        content = [*WHOLE[:2], line[:at] + other + line[at + 1 :], *WHOLE[3:]]
        verdict = verify_file(written(tmp_path, content), FINGERPRINT)
        assert verdict.broken is not None, (at, other)


def test_a_file_may_begin_after_a_signed_row(tmp_path: Path) -> None:
    """What retention removed is not missed, if the place where it ended is signed."""
    content = [line for line in WHOLE if line.startswith(b'{"checkpoint"')] + [
        as_lines(ROWS[SIGNED[0] :])
    ]
    verdict = verify_file(written(tmp_path, content), FINGERPRINT)
    assert verdict == ("acme", COUNT - 5, 6, COUNT, 12, None)
    first = content[0].replace(b'"hash":"', b'"hash":"0')
    assert verify_file(written(tmp_path, [first, *content[1:]]), FINGERPRINT).broken is not None


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    """No row, nothing anchored, nothing broken."""
    assert verify_file(written(tmp_path, []), FINGERPRINT) == ("", 0, 0, 0, 0, None)


def test_a_long_file_tells_how_far_it_is(tmp_path: Path) -> None:
    """In bytes, so that somebody who waits sees an end."""
    path = written(tmp_path, [as_lines(chained([b"{}"] * 12_000))])
    told: list[int] = []
    assert verify_file(path, "", told.append).rows == 12_000
    assert len(told) == 2
    assert 0 < told[0] < told[1] < path.stat().st_size
