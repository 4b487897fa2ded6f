"""The configuration of an agent version, and what `GET /agents/{id}` answers (contracts.md, Compass)."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Provider = Literal["openai", "deepgram", "elevenlabs"]
RESERVED_OPTIONS = {"api_key", "base_url"}
RESERVED_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding"}
HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,64}$")
SECRET = re.compile(r"\{secret:([A-Za-z0-9_]{1,64})\}")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")
MAX_SCHEMA = 16_384


def _no_secrets(options: dict[str, Any]) -> dict[str, Any]:
    found = RESERVED_OPTIONS & options.keys()
    if found:
        raise ValueError(f"{', '.join(sorted(found))} belongs under credentials, where it is encrypted")
    return options


Options = Annotated[dict[str, Any], AfterValidator(_no_secrets)]
Country = Annotated[str, Field(pattern=r"^[a-z]{2}$", description="Whose ringing tone: eu, us, uk, or an ISO 3166 country.")]
Model = Annotated[str, Field(min_length=1, max_length=120)]
LanguageCode = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Shape(BaseModel):
    """A misspelt field is an error and not silently nothing."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


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
    record: bool = Field(False, description="Always false: recording needs LiveKit Egress.")

    @field_validator("record")
    @classmethod
    def _never(cls, record: bool) -> bool:
        if record:
            raise ValueError("Recording needs LiveKit Egress, which this installation does not run; leave it false")
        return record


class HttpCall(Shape):
    """Where an HTTP tool calls. `{name}` in path or query takes an argument; `{secret:NAME}` in a header a stored secret."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: str = Field(max_length=2_000)
    headers: dict[str, Annotated[str, Field(max_length=2_000)]] = Field(default_factory=dict, max_length=20)
    timeout: float = Field(10, gt=0, le=15, description="Seconds, from the first byte sent to the last one read.")

    @field_validator("url")
    @classmethod
    def _checked_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"this is not a web address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("use an address such as https://api.example.com/orders/{order_id}, without user or password")
        if PLACEHOLDER.search(parts.netloc):
            raise ValueError("the host cannot come from an argument, or a caller could choose whom to call")
        if set(PLACEHOLDER.sub("", url)) & set("{}") or "#" in url:
            raise ValueError("a placeholder is the plain name of a parameter, such as {order_id}; there is no # part")
        return url

    @field_validator("headers")
    @classmethod
    def _checked_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not HEADER_NAME.match(name) or name.lower() in RESERVED_HEADERS:
                raise ValueError(f"the header {name!r} cannot be set")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"the header {name} may hold printable ASCII only")
        return headers

    @property
    def placeholders(self) -> set[str]:
        """The arguments that go into the address."""
        return set(PLACEHOLDER.findall(self.url))

    @property
    def secrets(self) -> set[str]:
        """The names of the secrets that the headers need."""
        return {name for value in self.headers.values() for name in SECRET.findall(value)}


class HttpTool(Shape):
    """A tool of the tenant's own: a web address that Compass calls with the model's arguments."""

    kind: Literal["http"]
    name: str = Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")
    description: str = Field(min_length=1, max_length=1_000)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    http: HttpCall

    @field_validator("parameters")
    @classmethod
    def _checked_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if schema.get("type") != "object":
            raise ValueError('parameters is a JSON Schema with "type": "object"')
        if len(repr(schema)) > MAX_SCHEMA or "$ref" in repr(schema):
            raise ValueError(f"parameters is at most {MAX_SCHEMA} characters long and has no $ref")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"parameters is not a JSON Schema: {error.message}") from error
        return schema

    @model_validator(mode="after")
    def _known_placeholders(self) -> Self:
        unknown = self.http.placeholders - set(self.parameters.get("properties", {}))
        if unknown:
            raise ValueError(f"the address uses {', '.join(sorted(unknown))}, which parameters does not have")
        return self


class BuiltinTool(Shape):
    """A tool that Meridian brings along; its name says which."""

    kind: Literal["builtin"]
    name: str = Field(min_length=1, max_length=64)


Tool = Annotated[HttpTool | BuiltinTool, Field(discriminator="kind")]


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

    @field_validator("tools")
    @classmethod
    def _once_each(cls, tools: list[HttpTool | BuiltinTool]) -> list[HttpTool | BuiltinTool]:
        names = [tool.name for tool in tools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"there are two tools named {', '.join(twice)}")
        return tools


class ToolSpec(BaseModel):
    """A tool as the model sees it; where it calls stays in Compass."""

    name: str
    description: str
    parameters: dict[str, Any]
    kind: Literal["http", "builtin"]


class Credential(BaseModel):
    api_key: str
    base_url: str | None = None


class AgentConfig(BaseModel):
    """The answer of `GET /agents/{id}`: always the published version."""

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
    credentials: dict[str, Credential]


class ToolCall(BaseModel):
    """The body of `POST /agents/{id}/tools/{name}`."""

    arguments: dict[str, Any] = Field(default_factory=dict)
    call_id: str | None = None


class ToolAnswer(BaseModel):
    """`result` when `ok`, else `error`."""

    ok: bool
    result: Any = None
    error: str | None = None


def providers_of(config: dict[str, Any]) -> list[str]:
    """The providers that a stored configuration uses, fallbacks included, in alphabetical order."""
    used = {config[part]["provider"] for part in ("stt", "llm", "tts")}
    return sorted(used | {model["provider"] for model in config["llm"]["fallbacks"]})
