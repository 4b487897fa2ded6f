"""The configuration of an agent version, and what `GET /agents/{id}` answers (contracts.md, Compass)."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from apps.compass.payloads_tools import (
    NAME,
    PLACEHOLDER,
    SECRET,
    BuiltinTool,
    HttpCall,
    HttpTool,
    LibraryTool,
    McpServer,
    McpTools,
    Shape,
    Tool,
    ToolAnswer,
    ToolCall,
    ToolSpec,
)

__all__ = [
    "PLACEHOLDER",
    "SECRET",
    "AgentConfig",
    "BuiltinTool",
    "Config",
    "Credential",
    "HttpCall",
    "HttpTool",
    "LibraryTool",
    "McpServer",
    "McpTools",
    "Shape",
    "Tool",
    "ToolAnswer",
    "ToolCall",
    "ToolSpec",
    "providers_of",
]

Provider = Literal["openai", "deepgram", "elevenlabs"]
RESERVED_OPTIONS = {"api_key", "base_url"}


def _no_secrets(options: dict[str, Any]) -> dict[str, Any]:
    found = RESERVED_OPTIONS & options.keys()
    if found:
        raise ValueError(f"{', '.join(sorted(found))} belongs under credentials, where it is encrypted")
    return options


Options = Annotated[dict[str, Any], AfterValidator(_no_secrets)]
COUNTRY = r"^[a-z]{2}$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
Country = Annotated[str, Field(pattern=COUNTRY, description="Whose ringing tone: eu, us, uk, or an ISO 3166 country.")]
Model = Annotated[str, Field(min_length=1, max_length=120)]
LanguageCode = Annotated[str, Field(pattern=LANGUAGE)]
VariableName = Annotated[str, Field(pattern=NAME)]


class Prompt(Shape):
    system: str = Field("You are a friendly phone agent. Answer in one or two short sentences.", max_length=20_000)
    greeting: str = Field("Hello, how can I help you?", max_length=1_000)
    greetings: dict[LanguageCode, Annotated[str, Field(min_length=1, max_length=1_000)]] = Field(
        default_factory=dict, max_length=20, description="The greeting in other languages, by their code."
    )


class SpeechToText(Shape):
    provider: Literal["deepgram", "openai"] = "deepgram"
    model: Model = "nova-3"
    options: Options = Field(default_factory=dict)


class FallbackModel(Shape):
    provider: Literal["openai"] = "openai"
    model: Model
    temperature: float = Field(0.3, ge=0, le=2)
    options: Options = Field(default_factory=dict)


class LanguageModel(FallbackModel):
    model: Model = "gpt-4o-mini"
    fallbacks: list[FallbackModel] = Field(default_factory=list, max_length=3)


class TextToSpeech(Shape):
    provider: Literal["elevenlabs", "openai"] = "elevenlabs"
    model: Model = "eleven_flash_v2_5"
    voice: str = Field("", max_length=120, description="The provider's own voice id; empty for its default.")
    options: Options = Field(default_factory=dict)


class TurnTaking(Shape):
    """Seconds."""

    min_endpointing_delay: float = Field(0.3, ge=0, le=10)
    max_endpointing_delay: float = Field(2.5, ge=0, le=30)
    allow_interruptions: bool = True
    preemptive: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_endpointing_delay < self.min_endpointing_delay:
            raise ValueError("max_endpointing_delay has to be at least min_endpointing_delay")
        return self


class Handoff(Shape):
    team: str | None = Field(None, max_length=63)
    phrases: list[Annotated[str, Field(min_length=1, max_length=80)]] = Field(default_factory=list, max_length=50)


class Limits(Shape):
    """Seconds."""

    max_call_seconds: float = Field(1800, gt=0, le=14_400)
    first_word_seconds: float = Field(6, gt=0, le=60)
    first_token_seconds: float = Field(4, gt=0, le=60)


class MediaBot(Shape):
    ringback: Country | None = "eu"
    transcribe: bool = True
    sentiment: Literal["vader", "llm", "off"] | None = "vader"
    record: bool = Field(
        False, description="Both sides of every call are recorded, but of calls that try a draft. Callers have to be told."
    )
    record_days: int = Field(30, ge=1, le=3650, description="Days after which a recording is deleted by itself.")


class Knowledge(Shape):
    """The documents that an agent knows: all, or these; a list without any is none."""

    documents: Literal["all"] | list[UUID] = Field(default_factory=list, max_length=200)
    mode: Literal["always", "tool"] = Field(
        "always", description="always: passages are looked up before each answer. tool: the model looks them up when it wants to."
    )
    top_k: int = Field(4, ge=1, le=10, description="How many passages a search gives.")


class Config(Shape):
    """What is stored with a version; every part has a default, so `{}` is a working agent."""

    prompt: Prompt = Field(default_factory=Prompt)
    variables: dict[VariableName, Annotated[str, Field(max_length=2_000)]] = Field(
        default_factory=dict, max_length=50, description="Your own {{name}}s of the prompt, and what they become."
    )
    stt: SpeechToText = Field(default_factory=SpeechToText)
    llm: LanguageModel = Field(default_factory=LanguageModel)
    tts: TextToSpeech = Field(default_factory=TextToSpeech)
    turn_taking: TurnTaking = Field(default_factory=TurnTaking)
    tools: list[Tool] = Field(default_factory=list, max_length=50)
    handoff: Handoff = Field(default_factory=Handoff)
    limits: Limits = Field(default_factory=Limits)
    media_bot: MediaBot = Field(default_factory=MediaBot)
    knowledge: Knowledge = Field(default_factory=Knowledge)

    @field_validator("tools")
    @classmethod
    def _once_each(cls, tools: list[Tool]) -> list[Tool]:
        names = [tool.name for tool in tools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"there are two tools named {', '.join(twice)}")
        return tools


class Credential(BaseModel):
    api_key: str
    base_url: str | None = None
    allowed_networks: list[str] | None = Field(
        default=None,
        description=(
            "Only where `base_url` is the company's own: whoever connects to it checks each address, and goes to public ones and "
            "into these networks only."
        ),
    )


class AgentConfig(BaseModel):
    """The answer of `GET /agents/{id}`: the published version, or the draft for the token of a trial."""

    id: str
    slug: str
    name: str
    tenant: str
    version: int
    language: str
    prompt: Prompt
    variables: dict[str, str]
    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    turn_taking: TurnTaking
    tools: list[ToolSpec]
    handoff: Handoff
    limits: Limits
    media_bot: MediaBot
    knowledge: Knowledge
    credentials: dict[str, Credential]


def providers_of(config: dict[str, Any]) -> list[str]:
    """The providers that a stored configuration uses, fallbacks included, in alphabetical order."""
    used = {config[part]["provider"] for part in ("stt", "llm", "tts")}
    return sorted(used | {model["provider"] for model in config["llm"]["fallbacks"]})
