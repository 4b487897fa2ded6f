"""How replies leave: each channel's app registers itself here in ready(), so that desktop imports none of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from apps.desktop.errors import UnknownChannel
from apps.desktop.models import Conversation, Message

FileLimits = Mapping[str, int]  # a MIME type to the most bytes that it may have


@dataclass(frozen=True)
class TemplateChoice:
    """A template that can be sent now. `variables` are the names of its places, in order.

    `heading` is image, video or document where a file stands there, of one of the types in `heading_limits`.
    """

    name: str
    language: str
    body: str
    variables: list[str] = field(default_factory=list)
    header: str = ""
    footer: str = ""
    buttons: list[str] = field(default_factory=list)
    heading: str = ""
    heading_limits: FileLimits = field(default_factory=dict)


class Channel(Protocol):
    """What the desktop asks of a channel. Every method runs in the tenant's schema."""

    name: str

    def message_send(self, message: Message) -> None:
        """In the caller's transaction: enqueues the effect that sends. Raises WindowClosed where only templates may go."""

    def read(self, conversation: Conversation) -> None:
        """Tells the contact that their messages were read (an effect)."""

    def typing(self, conversation: Conversation) -> None:
        """Tells the contact that somebody types; best effort."""

    def templates(self, conversation: Conversation) -> list[TemplateChoice]:
        """The templates that can be sent on this conversation's line."""

    def returned_to_ai(self, conversation: Conversation) -> None:
        """The AI holds it again: what nobody has answered becomes a turn."""


@dataclass(frozen=True)
class LineChoice:
    """One of the company's own addresses that a colleague can write from first, and the AI agent that answers there."""

    channel: str
    line: str
    name: str
    agent_id: UUID | None = None

    @property
    def key(self) -> str:
        """As forms name it."""
        return f"{self.channel}:{self.line}"


class Opener(Protocol):
    """A channel on which a colleague can write first."""

    name: str

    def lines(self) -> list[LineChoice]:
        """The tenant's lines that are switched on."""

    def identities(self, phone: str) -> dict[str, str]:
        """How this channel knows a number (E.164), kind to value."""


_channels: dict[str, Channel] = {}
_openers: dict[str, Opener] = {}
_files: dict[str, FileLimits] = {}


def channel_register(channel: Channel) -> None:
    """Called from ready() of the channel's app."""
    _channels[channel.name] = channel


def opener_register(opener: Opener) -> None:
    """Called from ready() of the channel's app."""
    _openers[opener.name] = opener


def files_register(name: str, limits: FileLimits) -> None:
    """Called from ready() of the channel's app: which files it takes, all others are refused."""
    _files[name] = limits


def file_limits(name: str) -> FileLimits:
    """What a channel takes; empty where it never said."""
    return _files.get(name, {})


def lines_all() -> list[LineChoice]:
    """Every line that can be written from, in the tenant's schema."""
    return [line for opener in _openers.values() for line in opener.lines()]


def identities_on(line: LineChoice, phone: str) -> dict[str, str]:
    """How the line's channel knows a number; nothing for no number."""
    return _openers[line.channel].identities(phone) if phone else {}


def channel_for(name: str) -> Channel:
    """Raises UnknownChannel."""
    try:
        return _channels[name]
    except KeyError:
        raise UnknownChannel from None
