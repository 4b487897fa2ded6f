"""What the pretend Meta remembers: contacts, chats, messages, media and templates. In memory, kept in a file over a restart."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from embedded.meta.settings import Business
from embedded.meta.templates import templates_of

WINDOW_SECONDS = 24 * 3600.0
TYPING_SECONDS = 25.0
ADVANCE = ("accepted", "sent", "delivered", "read")


@dataclass
class Contact:
    """A person with a messenger. Without `wa_id` the businesses never learn a phone number, only the user id."""

    key: str
    name: str
    wa_id: str = ""
    country: str = "US"
    username: str = ""
    moves: int = 0

    def user_id(self, waba_id: str) -> str:
        """The business-scoped user id: another one for each business, and a new one after a change of number."""
        digest = hashlib.sha256(f"{self.key}/{self.moves}/{waba_id}".encode()).digest()
        return f"{self.country}.{int.from_bytes(digest[:7])}"


@dataclass
class Message:
    """A message of a chat; `content` is the object that Meta calls by the message's type. Times are Unix seconds."""

    id: str
    number: str
    contact: str
    from_contact: bool
    type: str
    content: dict[str, Any]
    at: float
    status: str = "accepted"
    context: str = ""
    reactions: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    category: str = "service"
    tracker: str = ""
    app: bool = False  # the business said it in its WhatsApp Business app


@dataclass
class Chat:
    """One contact with one business number."""

    ids: list[str] = field(default_factory=list)
    last_inbound: float = 0.0
    typing_until: float = 0.0
    unread: int = 0


@dataclass
class Media:
    """A file; its bytes are on the disk. `owner` is the number that uploaded it, or the contact."""

    id: str
    mime: str
    name: str
    size: int
    sha256: str
    owner: str


PEOPLE = (
    Contact("ann", "Ann Keller", "15550102001"),
    Contact("diego", "Diego Ramos", "15550102002"),
    Contact("priya", "Priya Shah", "447700900123", "GB"),
    Contact("noor", "Noor", "", "US", "noor.writes"),
)


class State:
    """Everything there is; `changed` wakes the pages that watch."""

    def __init__(self, businesses: tuple[Business, ...], folder: Path) -> None:
        self.businesses = {business.id: business for business in businesses}
        self.folder = folder
        self.version = 0
        self._watchers: set[asyncio.Event] = set()
        self.clear()

    def clear(self) -> None:
        """Forget all chats and files and start with the invented people."""
        for media_id in getattr(self, "media", {}):
            self.media_path(media_id).unlink(missing_ok=True)
        self.contacts = {person.key: Contact(**asdict(person)) for person in PEOPLE}
        self.messages: dict[str, Message] = {}
        self.chats: dict[tuple[str, str], Chat] = {}
        self.media: dict[str, Media] = {}
        self.templates = {b.waba_id: templates_of(b.waba_id) for b in self.businesses.values()}
        self.off: set[str] = set()  # contacts whose phone is off
        self.changed()

    def changed(self) -> None:
        """Tell every page that watches."""
        self.version += 1
        for watcher in self._watchers:
            watcher.set()

    @contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def chat(self, number: str, contact: str) -> Chat:
        """Return the chat of a contact with a number, made when they never spoke."""
        return self.chats.setdefault((number, contact), Chat())

    def window_open(self, number: str, contact: str) -> bool:
        """Whether the contact wrote to this number in the last 24 hours."""
        chat = self.chats.get((number, contact))
        return chat is not None and time.time() - chat.last_inbound < WINDOW_SECONDS

    def contact_by_number(self, digits: str) -> Contact | None:
        """Return the contact with this phone number."""
        return next((c for c in self.contacts.values() if c.wa_id and c.wa_id == digits), None)

    def contact_by_user_id(self, user_id: str, waba_id: str) -> Contact | None:
        """Return the contact that this business knows by this user id."""
        return next((c for c in self.contacts.values() if c.user_id(waba_id) == user_id), None)

    def message_add(self, message: Message) -> None:
        """Put a message at the end of its chat."""
        self.messages[message.id] = message
        chat = self.chat(message.number, message.contact)
        chat.ids.append(message.id)
        if message.from_contact:
            chat.last_inbound = message.at
        self.changed()

    def message_advance(self, message: Message, status: str) -> bool:
        """Set a later status; False when the message is there already or has failed."""
        if message.status == "failed" or (status in ADVANCE and ADVANCE.index(status) <= ADVANCE.index(message.status)):
            return False
        message.status = status
        self.changed()
        return True

    def media_path(self, media_id: str) -> Path:
        """Return where the bytes of a medium are."""
        return self.folder / media_id

    def media_add(self, data: bytes, mime: str, name: str, owner: str) -> Media:
        """Keep a file."""
        media = Media(str(secrets.randbelow(9 * 10**14) + 10**14), mime, name, len(data), hashlib.sha256(data).hexdigest(), owner)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.media_path(media.id).write_bytes(data)
        self.media[media.id] = media
        return media

    def media_remove(self, media_id: str) -> None:
        """Forget a file."""
        del self.media[media_id]
        self.media_path(media_id).unlink(missing_ok=True)

    def dump(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "contacts": [asdict(contact) for contact in self.contacts.values()],
            "messages": [asdict(message) for message in self.messages.values()],
            "chats": [[number, contact, asdict(chat)] for (number, contact), chat in self.chats.items()],
            "media": [asdict(media) for media in self.media.values()],
            "templates": self.templates,
            "off": sorted(self.off),
        }

    def load(self, kept: dict[str, Any]) -> None:
        """Take up what `dump` returned."""
        self.contacts = {row["key"]: Contact(**row) for row in kept["contacts"]}
        self.messages = {row["id"]: Message(**row) for row in kept["messages"]}
        self.chats = {(number, contact): Chat(**row) for number, contact, row in kept["chats"]}
        self.media = {row["id"]: Media(**row) for row in kept["media"] if self.media_path(row["id"]).is_file()}
        self.templates |= kept["templates"]
        self.off = set(kept["off"])
        self.changed()


def wamid() -> str:
    """Return a new message id of Meta's look."""
    return f"wamid.{base64.b64encode(secrets.token_bytes(28)).decode()}"


def file_write(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file in one step, readable by its owner only."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content))
    fresh.replace(path)
