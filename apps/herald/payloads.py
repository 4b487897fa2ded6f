"""The body of POST /turn (contracts.md, Herald), as a channel sends it and the task reads it again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: Any) -> Any:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_text), Field(max_length=65_536)]
Short = Annotated[str, BeforeValidator(_text), Field(max_length=300)]


class Shape(BaseModel):
    """Fields that are not known are ignored, so that a channel may be deployed first."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TurnAttachment(Shape):
    """A file of a message. `transcript` is what a voice note says, once it is known."""

    name: Short = ""
    mime: Short = ""
    transcript: Text = ""


class TurnMessage(Shape):
    """One message of the contact. `payload` is what its type has beside the text, such as a location's coordinates."""

    id: str = Field(max_length=191)
    type: Short = "text"
    text: Text = ""
    payload: dict[str, Any] = Field(default_factory=dict)
    attachments: list[TurnAttachment] = Field(default_factory=list, max_length=30)


class HistoryItem(Shape):
    """Something said before this turn. A `person` is a colleague at the desktop."""

    role: Literal["contact", "agent", "person"]
    text: Text = ""
    at: datetime | None = None


class TurnContact(Shape):
    name: Short = ""
    language: Short = ""


class TurnRequest(Shape):
    """What the contact wrote since the last turn, and what an agent has to know to answer it."""

    turn_id: UUID
    conversation_id: UUID
    agent_id: UUID
    channel: Short = "whatsapp"
    generation: int = Field(0, ge=0)
    messages: list[TurnMessage] = Field(min_length=1, max_length=100)
    history: list[HistoryItem] = Field(default_factory=list, max_length=200)
    summary: Text = ""
    contact: TurnContact = Field(default_factory=TurnContact)
    reply_url: str = Field(max_length=2_000)


class TurnAccepted(BaseModel):
    """The turn is queued, or was before."""

    turn_id: UUID
