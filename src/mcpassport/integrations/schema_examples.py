"""Examples: calls and answers that a record shows, and recorded ones that gate a release."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mcpassport.integrations.schema_kinds import Strict
from mcpassport.integrations.schema_text import Name, Text, mistake

Status = Annotated[int, Field(ge=100, le=599)]


class Example(Strict):
    """A call and what the tool answers; a `list` answers `{result, next_cursor}`."""

    title: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    response: Any = None


class SentRequest(Strict):
    """The request that must come of the arguments; what is not given is not compared.

    The credential is no part of it. A header that is null must not be there.
    """

    http: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    url: Text | None = None
    headers: dict[str, str | None] = Field(default_factory=dict)
    body: Any = None


class RecordedAnswer(Strict):
    """What the API answered: a text body as it is, any other value as JSON."""

    status: Status = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None


class RecordedExample(Example):
    """An example in a file of its own, with the method it belongs to.

    With a `request` the one that is made is compared; with an `answer` the tool's `response` to
    it, its `content`, or the type of its `error`.
    """

    resource: Name
    method: Name
    context: dict[str, str] = Field(default_factory=dict)
    request: SentRequest | None = None
    answer: RecordedAnswer | None = None
    content: list[dict[str, Any]] | None = None
    error: Text | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> "RecordedExample":
        given = self.model_fields_set
        if self.answer is None and given & {"error", "content"}:
            raise mistake(
                "An error or blocks are expected, and no answer they could come of.",
                "Add answer: the status, headers and body that the API gave.",
            )
        if self.answer is not None and not given & {"error", "content", "response"}:
            raise mistake(
                "An answer is recorded, and nothing that the tool should make of it.",
                "Add response, content or error.",
            )
        return self
