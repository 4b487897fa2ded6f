"""The tools of an agent's configuration and of the tenant's library."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from apps.compass.headers import header_sendable
from apps.compass.paths import BadPath, path_parse

RESERVED_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding"}
HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,64}$")
SECRET = re.compile(r"\{secret:([A-Za-z0-9_]{1,64})\}")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")
NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
MAX_SCHEMA = 16_384
MAX_SHOWN = 200  # characters of what jsonschema says, which repeats what it was given
REPEATABLE = {"GET", "PUT", "DELETE"}
LIBRARY_REFERENCE = {"kind", "name"}


class Shape(BaseModel):
    """A misspelt field is an error and not silently nothing."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not HEADER_NAME.match(name):
            raise ValueError(f"“{name[:64]}” is no name of a header: use letters without accents, digits and -, 64 at most")
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"the header {name} cannot be set: Meridian sets it by itself")
        if not header_sendable(value):
            raise ValueError(f"the value of {name} cannot be sent: use plain letters, digits and signs, in one line")
    return headers


def _checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") != "object":
        raise ValueError('the JSON Schema has to describe an object: write "type": "object" at its beginning')
    if len(repr(schema)) > MAX_SCHEMA:
        raise ValueError(f"the JSON Schema is too long: {MAX_SCHEMA} characters fit here")
    if "$ref" in repr(schema):
        raise ValueError("the JSON Schema has a $ref: write what it points to in its place")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(f"the JSON Schema is wrong{place and f' at {place}'}: {error.message[:MAX_SHOWN]}") from error
    return schema


def schema_usable(schema: dict[str, Any]) -> dict[str, Any]:
    """An MCP server's schema, or that of any object where it is none: models refuse the rest, and so does our own check."""
    schema = {"type": "object", **schema}
    known = schema["type"] == "object" and Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema)
    return schema if known else _empty_schema()


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("this is not a web address: look at its host and port") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("use an address such as https://api.example.com/orders/{order_id}, without user or password")
    if PLACEHOLDER.search(parts.netloc):
        raise ValueError("the host cannot come from an argument, or a caller could choose whom to call")
    if set(PLACEHOLDER.sub("", url)) & set("{}") or "#" in url:
        raise ValueError("a placeholder is the plain name of a parameter, such as {order_id}; there is no # part")
    return url


def _checked_path(path: str) -> str:
    try:
        path_parse(path)
    except BadPath as error:
        raise ValueError(str(error)) from error
    return path


HeaderText = Annotated[str, Field(max_length=2_000)]
Headers = Annotated[dict[str, HeaderText], Field(max_length=20), AfterValidator(_checked_headers)]
ParameterSchema = Annotated[dict[str, Any], AfterValidator(_checked_schema)]
ToolName = Annotated[str, Field(pattern=NAME)]
Url = Annotated[str, Field(max_length=2_000), AfterValidator(_checked_url)]
Picked = Annotated[str, Field(max_length=300), AfterValidator(_checked_path)]


def _empty_schema() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


def secrets_in(headers: dict[str, str]) -> set[str]:
    """The names of the secrets that headers need."""
    return {name for value in headers.values() for name in SECRET.findall(value)}


class HttpCall(Shape):
    """Where an HTTP tool calls. `{name}` in path or query takes an argument; `{secret:NAME}` in a header a stored secret."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Url
    headers: Headers = Field(default_factory=dict)
    timeout: float = Field(10, gt=0, le=15, description="Seconds, from the first byte sent to the last one read, all tries.")
    retries: int = Field(0, ge=0, le=3, description="Further tries when it cannot be reached or answers 429, 502, 503, 504.")
    safe: bool = Field(False, description="A POST or PATCH that may be sent twice without doing it twice.")
    pick: dict[str, Picked] = Field(
        default_factory=dict, max_length=50, description="Name to path in the answer: what the model sees; empty for all of it."
    )

    @model_validator(mode="after")
    def _repeatable(self) -> Self:
        if self.retries and self.method not in REPEATABLE and not self.safe:
            raise ValueError(
                f"a {self.method} is tried again only when it is safe to send twice: say that it is, or set retries to 0"
            )
        return self

    @property
    def placeholders(self) -> set[str]:
        """The arguments that go into the address."""
        return set(PLACEHOLDER.findall(self.url))

    @property
    def secrets(self) -> set[str]:
        """The names of the secrets that the headers need."""
        return secrets_in(self.headers)


class HttpTool(Shape):
    """A tool of the tenant's own: a web address that Compass calls with the model's arguments."""

    kind: Literal["http"]
    name: ToolName
    description: str = Field(min_length=1, max_length=1_000)
    parameters: ParameterSchema = Field(default_factory=_empty_schema)
    http: HttpCall

    @model_validator(mode="after")
    def _known_placeholders(self) -> Self:
        unknown = self.http.placeholders - set(self.parameters.get("properties", {}))
        if unknown:
            raise ValueError(f"the address uses {', '.join(sorted(unknown))}: add a parameter of that name, or take it out")
        return self


class LibraryTool(Shape):
    """An HTTP tool of the tenant's library, by its name; what it does is kept there."""

    kind: Literal["http"]
    name: ToolName


class BuiltinTool(Shape):
    """A tool that Meridian brings along; its name says which, its options are that tool's own."""

    kind: Literal["builtin"]
    name: str = Field(min_length=1, max_length=64)
    options: dict[str, Any] = Field(default_factory=dict)


class McpTools(Shape):
    """The tools of an MCP server of the tenant's library. `tools` chooses among those that are switched on there; null is all."""

    kind: Literal["mcp"]
    name: ToolName
    tools: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(None, max_length=100)


def _tag(value: Any) -> str | None:
    """A reference to the library has nothing but its kind and name."""
    if isinstance(value, LibraryTool):
        return "library"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if kind == "http" and isinstance(value, dict) and value.keys() == LIBRARY_REFERENCE:
        return "library"
    return kind if isinstance(kind, str) else None


Tool = Annotated[
    Annotated[HttpTool, Tag("http")]
    | Annotated[LibraryTool, Tag("library")]
    | Annotated[BuiltinTool, Tag("builtin")]
    | Annotated[McpTools, Tag("mcp")],
    Discriminator(_tag),
]


class McpTool(Shape):
    """A tool as its server described it when it was last asked."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=4_000)
    parameters: dict[str, Any] = Field(default_factory=_empty_schema)
    enabled: bool = True


class McpServer(Shape):
    """An MCP server (streamable HTTP) and its tools, as the library keeps it."""

    url: Url
    headers: Headers = Field(default_factory=dict)
    timeout: float = Field(10, gt=0, le=15, description="Seconds for one tool call, all its requests together.")
    tools: list[McpTool] = Field(default_factory=list, max_length=100)

    @field_validator("url")
    @classmethod
    def _no_placeholders(cls, url: str) -> str:
        if PLACEHOLDER.search(url):
            raise ValueError("the address of an MCP server takes no arguments")
        return url

    @property
    def secrets(self) -> set[str]:
        """The names of the secrets that the headers need."""
        return secrets_in(self.headers)


class ToolSpec(BaseModel):
    """A tool as the model sees it; where it calls stays in Compass."""

    name: str
    description: str
    parameters: dict[str, Any]
    kind: Literal["http", "builtin", "mcp"]


class ToolCall(BaseModel):
    """The body of `POST /agents/{id}/tools/{name}`."""

    arguments: dict[str, Any] = Field(default_factory=dict)
    call_id: str | None = None


class ToolAnswer(BaseModel):
    """`result` when `ok`, else `error`."""

    ok: bool
    result: Any = None
    error: str | None = None
