"""The file of an export: made, gone on with, and repaired."""

from pathlib import Path

import pytest
from tests.support.chains import START, bodies, chained

from mcpassport.audit.checkpoint import SigningKey
from mcpassport.audit.export import COLUMNS, as_csv, as_lines, checkpoint_line, csv_head
from mcpassport.cli.trailfile import Form, Place, TrailFile
from mcpassport.errors import UsageError

ROWS = chained(bodies(6))
SIGNED = SigningKey(b"k" * 32).sign(ROWS[2], START)
FORMS: list[Form] = ["ndjson", "csv"]


def opened(path: Path, form: Form, *, resume: bool = True) -> TrailFile:
    return TrailFile(path, form, COLUMNS, resume=resume)


def whole(form: Form) -> bytes:
    """What an export of the first four rows is, to the byte."""
    if form == "csv":
        return csv_head() + as_csv(ROWS[:4])
    return as_lines(ROWS[:3]) + checkpoint_line(SIGNED) + as_lines(ROWS[3:4])


def complete(file: TrailFile) -> None:
    """Write what is missing of the first four rows and their checkpoint, as an export does."""
    while True:
        if file.form == "ndjson" and file.place.sequence >= 3 > file.place.signed:
            file.sign([SIGNED])
        if file.place.sequence == 4:
            return
        file.write([ROWS[file.place.sequence]])


@pytest.mark.parametrize("form", FORMS)
def test_a_file_can_be_cut_anywhere_and_gone_on_with(form: Form, tmp_path: Path) -> None:
    """Around every end of a line, and at many places between: what is cut off is removed.

    Going on from the place that is told gives, to the byte, the file that was never cut.
    """
    path, full = tmp_path / "out", whole(form)
    ends = [at for at, byte in enumerate(full, start=1) if byte == ord("\n")]
    near = {end + by for end in ends for by in (-2, -1, 0, 1)}
    for cut in sorted({*range(0, len(full), 29), *near} & set(range(len(full) + 1))):
        path.write_bytes(full[:cut])
        with opened(path, form) as file:
            complete(file)
        assert path.read_bytes() == full, cut


@pytest.mark.parametrize("form", FORMS)
def test_the_place_is_that_of_the_last_row(form: Form, tmp_path: Path) -> None:
    """Sequence and hash of it, and for NDJSON its chain and what is signed."""
    path = tmp_path / "out"
    path.write_bytes(whole(form))
    with opened(path, form) as file:
        assert file.place[:2] == (4, ROWS[3].hash)
        assert file.place[2:] == ((3, "acme") if form == "ndjson" else (0, None))
    path.unlink()
    with opened(path, form) as file:
        assert file.place == Place()
        assert path.read_bytes() == (csv_head() if form == "csv" else b"")


def test_a_new_file_overwrites_nothing(tmp_path: Path) -> None:
    """Without `resume` a file that is there is left alone, and the way out is named."""
    path = tmp_path / "out"
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="--resume"):
        opened(path, "ndjson", resume=False)
    assert path.read_bytes() == b"mine"
    with pytest.raises(UsageError, match="name a new file"):
        opened(tmp_path / "nowhere" / "out", "ndjson")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "content",
    [
        b"a,b\r\n1,2\r\n",
        b"{}\n{}\n",
        csv_head() + b"1,2\r\n",
        b'{"chain":"acme","sequence":1}\n',
        b'{"checkpoint":1}\n',
        b"mine",
        b'{"mine":1}',
        csv_head()[:-3] + b"mine",
        csv_head() + as_csv(ROWS[:1]) + b"mine",
        csv_head() + as_csv(ROWS[:1]).replace(ROWS[0].hash.hex().encode(), b"x" * 64),
    ],
)
def test_what_is_no_export_is_left_alone(form: Form, content: bytes, tmp_path: Path) -> None:
    """A file of something else, or of the other form, is refused as it is."""
    path = tmp_path / "out"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="name a new file"):
        opened(path, form)
    assert path.read_bytes() == content


def test_one_export_at_a_time_writes_into_a_file(tmp_path: Path) -> None:
    """A second one is refused while the first has it open."""
    path = tmp_path / "out"
    with opened(path, "ndjson"), pytest.raises(UsageError, match="Another export"):
        opened(path, "ndjson")
    with opened(path, "ndjson"):
        pass


def test_a_full_disk_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is kept, and the message says how to go on."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with opened(tmp_path / "out", "ndjson") as file:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(UsageError, match=r"No space left on device.*--resume"):
            file.write(ROWS[:1])
