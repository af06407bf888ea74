"""Lines in and out of the bridge."""

import asyncio
import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.cli.bridge.lines import Splitter, TooLong, Writer, flat, lines_of


@given(st.lists(st.binary(max_size=12)), st.integers(1, 7))
def test_lines_are_the_same_however_they_arrive(parts: list[bytes], size: int) -> None:
    """Whatever the chunks are, the lines are those of the whole text."""
    text = b"\n".join(parts)
    splitter = Splitter()
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    found = [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.finish())
    assert found == [line.strip() for line in text.split(b"\n") if line.strip()]


def test_a_line_that_is_too_long_is_marked_and_the_next_one_read() -> None:
    """Its beginning is kept and its rest dropped, however long it is."""
    splitter = Splitter(longest=4)
    found = [*splitter.feed(b"12345678"), *splitter.feed(b"9\n1234\nab"), *splitter.finish()]
    assert found == [b"1234", b"1234", b"ab"]
    assert [isinstance(line, TooLong) for line in found] == [True, False, False]


async def test_a_file_and_a_pipe_are_read_to_their_end(tmp_path: Path) -> None:
    """Lines come in order, the last one without its end too."""
    file = tmp_path / "lines"
    file.write_bytes(b"".join(b"%d\n" % number for number in range(500)) + b"last")
    with file.open("rb") as opened:
        found = [line async for line in lines_of(opened.fileno())]
    assert found == [*(b"%d" % number for number in range(500)), b"last"]
    reading, writing = os.pipe()
    os.write(writing, b"a\n\n  \nb\r\n")
    os.close(writing)
    assert [line async for line in lines_of(reading)] == [b"a", b"b"]
    os.close(reading)


async def test_messages_are_written_whole_one_after_the_other() -> None:
    """Large messages of many tasks do not mix, and none spans lines."""
    reading, writing = os.pipe()
    messages = [json.dumps({"n": n, "text": "x" * 100_000}, indent=1).encode() for n in range(8)]

    async def read() -> list[bytes]:
        return [line async for line in lines_of(reading)]

    taken = asyncio.create_task(read())
    writer = Writer(writing)
    await asyncio.gather(*(writer.write(message) for message in messages))
    os.close(writing)
    lines = await taken
    os.close(reading)
    assert sorted(json.loads(line)["n"] for line in lines) == list(range(8))


@given(st.recursive(st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_on_one_line_means_the_same(value: object) -> None:
    """A line end outside of a string is space; inside of one it was escaped already."""
    for text in (json.dumps(value, indent=2), json.dumps(value, ensure_ascii=False, indent=0)):
        line = flat(text.encode("utf-8", "surrogatepass"))
        assert b"\n" not in line
        assert b"\r" not in line
        assert json.loads(line.decode("utf-8", "surrogatepass")) == value
