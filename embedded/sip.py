"""livekit/sip on this machine, where a binary of it is given: the bridge from phones to livekit-server's rooms."""

import contextlib
import json
import secrets
import shutil
import signal
import socket
from pathlib import Path
from typing import Any, Self

from embedded.errors import StackError
from embedded.livekit import redis_settings
from embedded.ports import LOOPBACK
from embedded.process import Process

START_TIMEOUT = 30.0
ANSWER_SECONDS = 0.5
RTP_PORTS = "10000-20000"


class LivekitSip:
    """A bridge with its configuration in `<data_dir>/livekit-sip.yaml` and its log in `<data_dir>/logs/livekit-sip.log`.

    It takes SIP by UDP and TCP at `node_ip`:`port`, which is also the address that phones are told to send their voice to.
    `redis_url` is that of the livekit-server at `livekit_url`: over it calls are let in and rooms are found. Raises
    StackError when `binary` cannot be run.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        binary: str,
        livekit_url: str,
        redis_url: str,
        api_key: str,
        api_secret: str,
        node_ip: str = LOOPBACK,
    ) -> None:
        self.port = port
        self.livekit_url = livekit_url
        self.redis_url = redis_url
        self.api_key = api_key
        self.api_secret = api_secret
        self.node_ip = node_ip
        self.config = data_dir / "livekit-sip.yaml"
        self.process = Process(
            "livekit-sip",
            [str(sip_binary(binary)), "--config", str(self.config)],
            log_path=data_dir / "logs" / "livekit-sip.log",
            cwd=data_dir,
            stop_signal=signal.SIGINT,  # SIGTERM waits for the calls to end, without a limit
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where phones call, such as 127.0.0.1:5060."""
        return f"{self.node_ip}:{self.port}"

    def start(self) -> str:
        """Start the bridge and return its address. Raises StackError."""
        self.config.touch(mode=0o600)
        # JSON is YAML, and needs no further package to be written.
        self.config.write_text(json.dumps(self._settings(), indent=2) + "\n")
        self.process.start()
        self.process.wait_ready(lambda: sip_answers(self.node_ip, self.port), START_TIMEOUT, interval=0.1)
        return self.address

    def stop(self) -> None:
        """Say good-bye to the phones and stop."""
        self.process.stop()

    def _settings(self) -> dict[str, Any]:
        return {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "ws_url": self.livekit_url,
            "redis": redis_settings(self.redis_url),
            "sip_port": self.port,
            "listen_ip": self.node_ip,
            "nat_1_to_1_ip": self.node_ip,  # without it the first interface's, and on the loopback alone no start
            "rtp_port": RTP_PORTS,
            "logging": {"level": "info"},
        }


def sip_binary(given: str) -> Path:
    """Return the program that MERIDIAN_LIVEKIT_SIP names, by path or from PATH. Raises StackError when there is none."""
    found = shutil.which(Path(given).expanduser())
    if found is None:
        raise StackError(f"MERIDIAN_LIVEKIT_SIP is {given!r}, which is no program; give the path of a livekit-sip binary.")
    return Path(found).resolve()


def sip_answers(host: str, port: int) -> bool:
    """Say whether a SIP OPTIONS by UDP is answered by 200 (RFC 3261, section 11), waiting at most half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        with contextlib.suppress(OSError):
            sock.connect((host, port))
            sock.send(_options(host, port, sock.getsockname()))
            return sock.recv(4096).startswith(b"SIP/2.0 200 ")
    return False


def _options(host: str, port: int, own: tuple[str, int]) -> bytes:
    here, unique = f"{own[0]}:{own[1]}", secrets.token_hex(8)
    lines = (
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{unique};rport",
        f"From: <sip:meridian@{here}>;tag={unique}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: {unique}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:meridian@{here}>",
        "Max-Forwards: 1",
        "Content-Length: 0",
    )
    return "\r\n".join([*lines, "", ""]).encode()
