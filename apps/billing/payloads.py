"""The body of POST /billing/calls and its answer (contracts.md, Billing). Durations in seconds, money as decimal strings."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.utils import timezone
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from apps.billing.models.money import Kind
from apps.core.moments import utc_text

CLOCK_SLACK = timedelta(minutes=5)
DURATION_SLACK = 5
DAY = 86_400
MICROSECOND = Decimal("0.000001")


def _seconds(value: Any) -> Decimal:
    """A number by its shortest text, so that 0.1 is a tenth, to the microsecond; text and true are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("this has to be a number of seconds")
    if not 0 <= value <= 7 * DAY:
        raise ValueError("this has to be a number of seconds from 0 to 7 days")
    return Decimal(str(value)).quantize(MICROSECOND, ROUND_HALF_EVEN)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("this holds characters that cannot be shown")
    return text


Seconds = Annotated[
    Decimal,
    BeforeValidator(_seconds),
    PlainSerializer(float, return_type=float, when_used="json"),
]
Count = Annotated[int, Field(ge=0, le=10**12, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]
Reference = Annotated[str, Field(max_length=500), AfterValidator(_printable)]
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC)),
    PlainSerializer(utc_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class Shape(BaseModel):
    """Fields that are not known are ignored, so that the worker may be deployed first."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SttUsage(Shape):
    kind: Literal["stt"]
    provider: Name
    model: Name
    audio_duration: Seconds


class LlmUsage(Shape):
    """`input_tokens` includes `input_cached_tokens`."""

    kind: Literal["llm"]
    provider: Name
    model: Name
    input_tokens: Count
    input_cached_tokens: Count = 0
    output_tokens: Count

    @model_validator(mode="after")
    def _cached_is_part(self) -> Self:
        if self.input_cached_tokens > self.input_tokens:
            raise ValueError("input_cached_tokens is part of input_tokens and cannot be more")
        return self


class TtsUsage(Shape):
    kind: Literal["tts"]
    provider: Name
    model: Name
    characters_count: Count


class EmbeddingUsage(Shape):
    kind: Literal["embedding"]
    provider: Name
    model: Name
    input_tokens: Count


class RecordingUsage(Shape):
    """`audio_duration` in seconds, as recorded."""

    kind: Literal["recording"]
    provider: Name
    model: Name
    audio_duration: Seconds


class MessageUsage(Shape):
    """A message that a channel delivered. `model` is Meta's category, and the country behind a slash where it is known.

    `billable` and `type` are Meta's own pricing fields: what is not billable costs nothing, for the reason that `type` names.
    """

    kind: Literal["messages"]
    provider: Name
    model: Name
    messages: Count = 1
    billable: bool = True
    type: Annotated[str, Field(max_length=60), AfterValidator(_printable)] = ""


class PlatformUsage(Shape):
    """Answers of the text agent that reached somebody."""

    kind: Literal["platform"]
    provider: Name
    model: Name
    turns: Count = 1


class ToolUsage(Shape):
    kind: Literal["tool"]
    provider: Name
    model: Name
    runs: Count = 1


class UnknownUsage(Shape):
    """A row that nobody here can read: kept, and unpriced until finance corrects it."""

    kind: str
    provider: str
    model: str


class BesideStt(SttUsage):
    """As counted; with a `system` it is not the agent's own use, and has a price of its own (BESIDE)."""

    system: Literal["", "media-bot"] = ""


class BesideLlm(LlmUsage):
    system: Literal["", "media-bot"] = ""


UsageRow = Annotated[SttUsage | LlmUsage | TtsUsage | RecordingUsage, Field(discriminator="kind")]
MeteredRow = (
    SttUsage | LlmUsage | TtsUsage | EmbeddingUsage | RecordingUsage | MessageUsage | PlatformUsage | ToolUsage | UnknownUsage
)
KnownRow = Annotated[
    BesideStt | BesideLlm | TtsUsage | EmbeddingUsage | RecordingUsage | MessageUsage | PlatformUsage | ToolUsage,
    Field(discriminator="kind"),
]
METERED: TypeAdapter[MeteredRow] = TypeAdapter(KnownRow)


def rows_read(rows: Iterable[Any]) -> list[MeteredRow]:
    """Usage rows as they were counted. One that cannot be read is not dropped: it becomes a row without a price."""
    return [_row_read(row) for row in rows]


def _row_read(row: Any) -> MeteredRow:
    try:
        return METERED.validate_python(row)
    except ValidationError:
        known = row if isinstance(row, Mapping) else {}
        kind, provider, model = (_word(known.get(name)) for name in ("kind", "provider", "model"))
        return UnknownUsage(kind=kind if kind in Kind.values else Kind.PLATFORM, provider=provider, model=model)


def _word(value: Any) -> str:
    text = str(value)[:60] if isinstance(value, str | int | float) else ""
    return "".join(char for char in text if char.isprintable()) or "unreadable"


class CallReport(Shape):
    """What an agent reports about one call when it is over."""

    call_id: UUID
    agent_id: UUID
    channel: Literal["webrtc", "sip"]
    started_at: Moment
    ended_at: Moment
    duration: Seconds
    ended_reason: Literal[
        "caller_hangup", "agent_hangup", "transferred", "no_agent", "max_duration", "spend_limit", "suspended", "error"
    ]
    transcript_ref: Reference = ""
    usage: list[UsageRow] = Field(default_factory=list, max_length=200)

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.ended_at < self.started_at:
            raise ValueError("ended_at is before started_at")
        if self.ended_at > timezone.now() + CLOCK_SLACK:
            raise ValueError("ended_at is in the future; check the clock of the machine that reports")
        span = Decimal(str((self.ended_at - self.started_at).total_seconds()))
        if self.duration > span + DURATION_SLACK:
            raise ValueError("duration is longer than the time between started_at and ended_at; it is in seconds")
        return self

    def content(self) -> dict[str, Any]:
        """The report as JSON, in one spelling for one meaning."""
        return self.model_dump(mode="json")

    def content_hash(self) -> str:
        """Equal for equal reports, however their JSON was written."""
        text = json.dumps(self.content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class UnpricedModel(BaseModel):
    kind: str
    provider: str
    model: str


class CostParts(BaseModel):
    """Decimal strings with 6 places; null where something has no price."""

    transport: str | None
    stt: str | None
    llm: str | None
    tts: str | None
    messages: str | None
    platform: str | None


class BilledCall(BaseModel):
    """`total` is null while a part is; `total_known` is the sum of the parts that have a price."""

    id: str
    call_id: str
    created: bool
    cost: CostParts
    total: str | None
    total_known: str
    currency: str
    unpriced: list[UnpricedModel]
    price_book: int | None
