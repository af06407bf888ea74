"""Which of the media types that an answer may have is asked for, and how it is read."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mcpassport.integrations.openapi.operations import is_json
from mcpassport.records.integration import StreamKind
from mcpassport.upstream.media import is_json as reads_as_json
from mcpassport.upstream.media import is_media_type, media_type

STREAMS: Final[dict[str, StreamKind]] = {
    "text/event-stream": "sse",
    **dict.fromkeys(
        (
            *("application/x-ndjson", "application/ndjson", "application/jsonl"),
            *("application/x-jsonlines", "application/jsonlines", "application/stream+json"),
        ),
        "ndjson",
    ),
}


class Media(NamedTuple):
    """The member of a description, the type without parameters, and how it is read."""

    name: str
    type: str
    json: bool = False
    stream: StreamKind = "none"

    @property
    def accept(self) -> str:
        """The `Accept` to send; empty where the usual one does."""
        usual = self.stream != "none" or (self.json and is_json(self.type))
        return "" if usual else self.type


def chosen(names: Sequence[str]) -> Media | None:
    """JSON if it is offered, then a stream, then the first type that can be a block.

    None: nothing of it can be, as of answers in several parts.
    """
    known = [Media(name, media_type(name)[0]) for name in names]
    plain = next((media for media in known if is_json(media.type)), None)
    other = next((m for m in known if reads_as_json(m.type) and m.type not in STREAMS), None)
    if plain or other:
        found = plain or other
        return found and found._replace(json=True)
    streamed = next((media for media in known if media.type in STREAMS), None)
    if streamed is not None:
        return streamed._replace(stream=STREAMS[streamed.type])
    return next((media for media in known if _is_block(media.type)), None)


def _is_block(media: str) -> bool:
    """Whether an answer of that type, or range of types, is text, picture, sound or file."""
    named = media.removesuffix("*") + "x" if media.endswith("/*") else media
    return is_media_type(named) and not media.startswith(("multipart/", "message/"))
