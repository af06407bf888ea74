"""Reading a body under a cap that holds after decompression."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import MalformedUpstreamResponse, ResponseTooLarge, UpstreamUnreachable
from mcpassport.http.body import MAX_GZIP_MEMBERS, Body


def read(data: bytes, *, cap: int, encoding: str = "gzip", step: int = 65_536) -> bytes:
    body = Body(cap, encoding)
    for start in range(0, len(data), step):
        body.feed(data[start : start + step])
    return body.finish()


@given(st.lists(st.binary(max_size=500), max_size=4), st.integers(1, 64))
def test_gzip_of_any_members_and_chunks_is_undone(parts: list[bytes], step: int) -> None:
    """The body is what was compressed, however it is cut."""
    data = b"".join(gzip.compress(part) for part in parts)
    whole = b"".join(parts)
    assert read(data, cap=len(data) + len(whole), step=step) == whole


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "x-gzip"])
def test_the_cap_is_inclusive(encoding: str) -> None:
    """A body of exactly the cap passes, one byte more does not."""
    text = bytes(1000)
    data = gzip.compress(text) if "gzip" in encoding else text
    assert read(data, cap=1000, encoding=encoding) == text
    with pytest.raises(ResponseTooLarge):
        read(data, cap=999, encoding=encoding)


def test_a_stream_that_decodes_to_nothing_is_bounded() -> None:
    """Empty members cost bytes too: too many, and too many bytes, end the read."""
    empty = gzip.compress(b"")
    assert read(empty * MAX_GZIP_MEMBERS, cap=1 << 20) == b""
    with pytest.raises(MalformedUpstreamResponse):
        read(empty * (MAX_GZIP_MEMBERS + 1), cap=1 << 20)
    with pytest.raises(ResponseTooLarge):
        read(empty * MAX_GZIP_MEMBERS, cap=100)


def test_a_gzip_stream_cut_short_is_not_a_body() -> None:
    """A prefix of a stream is refused, though its message was complete."""
    with pytest.raises(UpstreamUnreachable):
        read(gzip.compress(bytes(range(256)))[:-9], cap=4096)
    assert read(b"", cap=4096) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    """Only what is decoded under the cap is read."""
    with pytest.raises(MalformedUpstreamResponse):
        Body(100, encoding)
