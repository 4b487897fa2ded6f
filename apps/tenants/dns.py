"""TXT records, which the standard library cannot ask for: one question over TCP, which nobody beside the way can answer.

The message's format: RFC 1035, 4; over TCP it has its length in front (4.2.2).
"""

import secrets
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from apps.core.errors import MeridianError

TXT, IN = 16, 1
TIMEOUT = 3.0  # seconds, for each name server
NAME_ERROR = 3
LONGEST = 65535
RESOLV_CONF = Path("/etc/resolv.conf")


class DnsError(MeridianError):
    """No name server gave an answer that can be read."""


def txt_of(name: str) -> list[str]:
    """The TXT records of a name; none where it has none. Raises DnsError when no name server answers."""
    for host, port in servers():
        try:
            return _read(_ask(host, port, *_question(name)))
        except (OSError, DnsError, struct.error, IndexError):
            continue  # the next one may answer
    raise DnsError("No name server answered.")


def servers() -> list[tuple[str, int]]:
    """DNS_SERVERS (`address` or `address:port`), else those of the machine."""
    listed = settings.DNS_SERVERS or _machines()
    return [_address(text) for text in listed]


def _address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}" if text.count(":") < 2 or text.startswith("[") else f"//[{text}]")
    return parts.hostname or text, parts.port or 53


def _machines() -> list[str]:
    try:
        lines = RESOLV_CONF.read_text().splitlines()
    except OSError:
        return []
    return [parts[1] for line in lines if len(parts := line.split()) == 2 and parts[0] == "nameserver"]


def _question(name: str) -> tuple[int, bytes]:
    """An id, and the message that asks for TXT with recursion."""
    number = secrets.randbelow(0x10000)
    labels = name.encode("ascii").rstrip(b".").split(b".")
    if any(not 0 < len(label) <= 63 for label in labels):
        raise DnsError("This is no host name.")
    asked = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return number, struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + asked + struct.pack("!2H", TXT, IN)


def _ask(host: str, port: int, number: int, message: bytes) -> bytes:
    with socket.create_connection((host, port), timeout=TIMEOUT) as connection:
        connection.sendall(struct.pack("!H", len(message)) + message)
        (length,) = struct.unpack("!H", _exactly(connection, 2))
        answer = _exactly(connection, length)
    if len(answer) < 12 or struct.unpack_from("!H", answer)[0] != number:
        raise DnsError("The answer is to another question.")
    return answer


def _exactly(connection: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        part = connection.recv(length - len(got))
        if not part:
            raise DnsError("The answer broke off.")
        got += part
    return got


def _read(message: bytes) -> list[str]:
    """The texts of the TXT records in an answer; a record's strings belong together."""
    _, flags, questions, answers, _, _ = struct.unpack_from("!6H", message)
    code = flags & 0xF
    if not flags & 0x8000 or code not in (0, NAME_ERROR):
        raise DnsError(f"The name server answered with code {code}.")
    at = 12
    for _number in range(questions):
        at = _past_name(message, at) + 4
    found = []
    for _number in range(answers):
        at = _past_name(message, at)
        kind, group, _, size = struct.unpack_from("!2HIH", message, at)
        at += 10
        if (kind, group) == (TXT, IN):
            found.append(_text(message[at : at + size]))
        at += size
    return found


def _past_name(message: bytes, at: int) -> int:
    """Where a name ends: after its zero, or after a pointer to the rest of it."""
    while (length := message[at]) != 0:
        if length >= 0xC0:
            return at + 2
        at += length + 1
    return at + 1


def _text(data: bytes) -> str:
    text, at = b"", 0
    while at < len(data):
        text += data[at + 1 : at + 1 + data[at]]
        at += data[at] + 1
    return text.decode("utf-8", "replace")
