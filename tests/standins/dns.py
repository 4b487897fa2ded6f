"""Stand-in for a name server: TXT records over TCP (RFC 1035, 4.2.2), written by hand, so that who asks is held to the format."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TXT, CNAME, IN = 16, 5, 1


@dataclass
class DnsStandin:
    """`texts` by name; `aliases` lead from a name to another; `code` is answered instead when it is set."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    code: int = 0
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, message: bytes) -> bytes:
        number, flags, questions = struct.unpack_from("!3H", message)
        assert flags & 0x0100 and questions == 1, "a recursive question of one name"
        name, end = _name(message, 12)
        assert struct.unpack_from("!2H", message, end) == (TXT, IN)
        self.asked.append(name)
        records = []
        if name in self.aliases:
            records.append(_record(CNAME, _labels(self.aliases[name])))
        found = self.texts.get(self.aliases.get(name, name), [])
        records += [_record(TXT, _strings(text)) for text in found]
        code = self.code or (0 if records else 3)
        return struct.pack("!6H", number, 0x8180 | code, 1, len(records), 0, 0) + message[12 : end + 4] + b"".join(records)


def _name(message: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := message[at]:
        labels.append(message[at + 1 : at + 1 + length].decode())
        at += length + 1
    return ".".join(labels), at + 1


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def _strings(text: str) -> bytes:
    """In pieces of 20, as long texts come in pieces of 255."""
    data = text.encode()
    pieces = [data[start : start + 20] for start in range(0, len(data), 20)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHHIH", 0xC00C, kind, IN, 60, len(data)) + data


@contextmanager
def dns_serving() -> Iterator[DnsStandin]:
    """A name server for DNS_SERVERS."""
    standin = DnsStandin()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = standin.answer(self.rfile.read(length))
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        standin.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield standin
        finally:
            server.shutdown()
            thread.join()
