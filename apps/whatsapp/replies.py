"""The body of POST /reply (contracts.md, Herald)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from apps.core.payloads import storable

MAX_SEQ = 10_000
MAX_TEXT = 20_000


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    turn_id: UUID
    seq: int = Field(ge=0, le=MAX_SEQ, strict=True, description="From 0, without gaps.")


class Typing(_Event):
    """The agent is writing: the contact sees it for up to 25 seconds, and Meridian renews it."""

    event: Literal["typing"]


class Source(BaseModel):
    """A place in a document that the agent knows."""

    document_id: UUID
    document: str = Field(max_length=300)
    page: int | None = None
    heading: str | None = Field(None, max_length=500)
    address: str | None = Field(None, max_length=2_000)


class Said(_Event):
    """A message to the contact."""

    event: Literal["message"]
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    sources: list[Source] = Field(default_factory=list, max_length=20, description="Where it stands in the documents.")

    @field_validator("text")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("The text is blank.")
        return str(storable(text))


class Done(_Event):
    """The turn is over. With `escalate` a person of `team` takes over, and the contact is told so."""

    event: Literal["done"]
    escalate: bool = False
    team: str | None = Field(None, max_length=63)
    reason: str | None = Field(None, max_length=300)
    summary: str | None = Field(None, max_length=4_000)
    usage: list[dict[str, Any]] = Field(default_factory=list, max_length=100)

    @field_validator("team", "reason", "summary", "usage")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return storable(value)


class ReplyEvent(RootModel[Annotated[Typing | Said | Done, Field(discriminator="event")]]):
    """One event of a turn."""

    @property
    def seq(self) -> int:
        return self.root.seq


class ReplyAccepted(BaseModel):
    """The event is taken, now or before."""

    accepted: bool
    duplicate: bool
