"""livekit-server on this machine: WebRTC rooms, webhooks to the web side and the SIP API."""

import json
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import redis

from embedded.ports import LOOPBACK, http_answers
from embedded.process import Process
from embedded.toolchain import livekit_binary

START_TIMEOUT = 60.0
# What a server that is gone leaves in Redis about rooms; trunks and dispatch rules live under other keys and stay.
STALE_KEYS = (
    "rooms",
    "room_internal",
    "room_node_map",
    "nodes",
    "room_participants:*",
    "agent_dispatch:*",
    "agent_job:*",
)


class Livekit:
    """A server with its configuration in `<data_dir>/livekit.yaml` and its log in `<data_dir>/logs/livekit.log`.

    `redis_url` brings the SIP API; with `alone` no other livekit-server uses that database, and rooms left there by a crash are
    forgotten. Media arrive on `udp_port`, or on `tcp_port` where UDP is blocked. `node_ip` is the address told to callers.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        tcp_port: int,
        udp_port: int,
        redis_url: str,
        api_key: str,
        api_secret: str,
        webhook_urls: list[str],
        node_ip: str = LOOPBACK,
        alone: bool = True,
    ) -> None:
        self.port = port
        self.tcp_port = tcp_port
        self.udp_port = udp_port
        self.redis_url = redis_url
        self.api_key = api_key
        self.api_secret = api_secret
        self.webhook_urls = webhook_urls
        self.node_ip = node_ip
        self.alone = alone
        self.config = data_dir / "livekit.yaml"
        self.process = Process(
            "LiveKit",
            [str(livekit_binary()), "--config", str(self.config)],
            log_path=data_dir / "logs" / "livekit.log",
            cwd=data_dir,
            grace=3,  # it waits for callers to leave, which may be never
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """LIVEKIT_URL for clients on this machine."""
        return f"ws://{LOOPBACK}:{self.port}"

    def start(self) -> str:
        """Start the server and return its URL. Raises StackError."""
        if self.alone:
            self._stale_rooms_forget()
        self.config.touch(mode=0o600)
        # JSON is YAML, and needs no further package to be written.
        self.config.write_text(json.dumps(self._settings(), indent=2) + "\n")
        self.process.start()
        self.process.wait_ready(self._is_ready, START_TIMEOUT)
        return self.url

    def stop(self) -> None:
        """Shut the server down; calls that are running end."""
        self.process.stop()

    def _settings(self) -> dict[str, Any]:
        return {
            "port": self.port,
            "bind_addresses": sorted({LOOPBACK, self.node_ip}),
            "rtc": self._rtc(),
            "redis": redis_settings(self.redis_url),
            "keys": {self.api_key: self.api_secret},
            "webhook": {"api_key": self.api_key, "urls": self.webhook_urls},
            # The workers report load by capacity, so the server must not refuse on top of that; the key's default is 0.7.
            "agents": {"target_load": 1.0},
            "room": {"empty_timeout": 60, "departure_timeout": 20},
            "logging": {"level": "info"},
        }

    def _rtc(self) -> dict[str, Any]:
        return {
            "node_ip": self.node_ip,
            "udp_port": self.udp_port,
            "tcp_port": self.tcp_port,
            "use_external_ip": False,
            "enable_loopback_candidate": self.node_ip == LOOPBACK,
        }

    def _stale_rooms_forget(self) -> None:
        client = redis.Redis.from_url(self.redis_url, socket_timeout=5, socket_connect_timeout=5)
        keys = [key for pattern in STALE_KEYS for key in client.scan_iter(match=pattern, count=1000)]
        if keys:
            client.delete(*keys)
        client.close()

    def _is_ready(self) -> bool:
        return http_answers(self.port, "/")


def redis_settings(url: str) -> dict[str, Any]:
    """Return a Redis URL as LiveKit's servers have it in their configuration."""
    address = urlsplit(url)
    return {
        "address": f"{address.hostname}:{address.port or 6379}",
        "username": unquote(address.username or ""),
        "password": unquote(address.password or ""),
        "db": int(address.path.strip("/") or 0),
        "use_tls": address.scheme == "rediss",
    }
