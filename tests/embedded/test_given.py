"""Parts that a person brings are asked before anything waits for them, and each that cannot be used is named with what to do."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from embedded.environment import surroundings
from embedded.errors import StackError
from embedded.given import database_check, given_check, livekit_check, openai_hint, redis_check
from embedded.paths import scratch_dir
from embedded.ports import Ports, port_free
from embedded.postgres import Postgres
from embedded.process import Process
from embedded.stack import Stack
from embedded.valkey import Valkey

ROOMS = "/twirp/livekit.RoomService/ListRooms"
SECRET = "a secret of more than thirty-two letters"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = scratch_dir("meridian-test-given-")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[Postgres]:
    with Postgres(folder, port_free(), fast=True) as running:
        yield running


def test_a_postgres_with_pgvector_is_good(postgres: Postgres) -> None:
    given_check({"DATABASE_URL": postgres.url})


def test_a_postgres_without_pgvector_is_refused_with_what_to_install(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        # The nearest thing to a server without it: a view of that name is found first.
        connection.execute("CREATE SCHEMA without")
        connection.execute(
            "CREATE VIEW without.pg_available_extensions AS SELECT ''::text AS name, ''::text AS default_version WHERE false"
        )
    with pytest.raises(StackError, match=r"no pgvector.*postgresql-<version>-pgvector"):
        database_check(f"{postgres.url}?options=-csearch_path%3Dwithout,pg_catalog")


def test_a_pgvector_that_is_too_old_is_refused(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE SCHEMA old")
        connection.execute(
            "CREATE VIEW old.pg_available_extensions AS SELECT 'vector'::text AS name, '0.7.4'::text AS default_version"
        )
    with pytest.raises(StackError, match=r"is 0\.7\.4 and 0\.8 is the oldest"):
        database_check(f"{postgres.url}?options=-csearch_path%3Dold,pg_catalog")


def test_a_user_who_may_not_do_what_is_needed_is_told_by_which_statement(postgres: Postgres) -> None:
    guest = f"postgres://guest:guest@127.0.0.1:{postgres.port}/meridian"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        with pytest.raises(StackError, match="database meridian once: CREATE EXTENSION vector WITH SCHEMA public"):
            database_check(guest)
        connection.execute("CREATE EXTENSION vector WITH SCHEMA public")
        with pytest.raises(StackError, match='GRANT CREATE ON DATABASE "meridian" TO "guest"'):
            database_check(guest)
        connection.execute("GRANT CREATE ON DATABASE meridian TO guest")
        database_check(guest)
        connection.execute("DROP EXTENSION vector")


def test_a_wrong_password_is_named_and_not_shown(postgres: Postgres) -> None:
    with pytest.raises(StackError, match="password authentication failed") as caught:
        database_check(f"postgres://meridian:s3cr3t@127.0.0.1:{postgres.port}/meridian")
    assert "s3cr3t" not in str(caught.value)
    assert f"127.0.0.1:{postgres.port}" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is no address of the kind postgres://"),
        ("mysql://a:b@c/d", "is no address of the kind postgres://"),
        ("postgres://a:b@c:port/d", "is no address of the kind postgres://"),
        ("postgres://a:b@127.0.0.1:1", "names no database"),
        ("postgres://a:b@127.0.0.1:1/d", "Connection refused"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named(url: str, said: str) -> None:
    with pytest.raises(StackError, match=said):
        database_check(url)


def test_a_redis_is_asked(folder: Path) -> None:
    with Valkey(folder, port_free(), password="right") as valkey:
        redis_check(valkey.url)
        with pytest.raises(StackError, match=r"REDIS_URL \(127\.0\.0\.1:\d+\) cannot be used") as caught:
            redis_check(f"redis://:wr0ng@127.0.0.1:{valkey.port}/0")
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(StackError, match="Connection refused"):
        redis_check("redis://127.0.0.1:1/0")
    with pytest.raises(StackError, match="no address of the kind redis://"):
        redis_check("127.0.0.1:6379")


def test_a_livekit_is_asked_with_its_key(httpserver: HTTPServer) -> None:
    httpserver.expect_request(ROOMS, method="POST").respond_with_json({"rooms": []})
    livekit_check(httpserver.url_for("").replace("http", "ws"), "key", SECRET)
    request, _ = httpserver.log[0]
    assert request.headers["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize(("status", "said"), [(401, "does not know LIVEKIT_API_KEY"), (502, "answered 502")])
def test_a_livekit_that_refuses_is_named(httpserver: HTTPServer, status: int, said: str) -> None:
    httpserver.expect_request(ROOMS).respond_with_response(Response("", status))
    with pytest.raises(StackError, match=said) as caught:
        livekit_check(httpserver.url_for(""), "key", SECRET)
    assert SECRET not in str(caught.value)


def test_a_livekit_that_is_not_there_is_named() -> None:
    with pytest.raises(StackError, match=r"LIVEKIT_URL \(127\.0\.0\.1:1\) cannot be used: .*refused"):
        livekit_check("ws://127.0.0.1:1", "key", SECRET)


def test_a_refused_openai_key_is_a_hint_and_no_reason_to_stop(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/models", headers={"Authorization": "Bearer good"}).respond_with_json({"data": []})
    httpserver.expect_request("/v1/models").respond_with_response(Response("", 401))
    base = httpserver.url_for("/v1")
    assert openai_hint({"OPENAI_API_KEY": "good", "OPENAI_BASE_URL": base}) is None
    hint = openai_hint({"OPENAI_API_KEY": "sk-bad", "OPENAI_BASE_URL": base})
    assert hint is not None
    assert hint.startswith("OPENAI_API_KEY is refused by")
    assert "sk-bad" not in hint
    assert openai_hint({"OPENAI_API_KEY": "good", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}) is None


def test_a_given_part_that_cannot_be_used_stops_the_start_before_anything_is_made(folder: Path) -> None:
    data = folder / "stopped"
    stack = Stack(data, {"REDIS_URL": "redis://127.0.0.1:1/0"})
    with pytest.raises(StackError, match="REDIS_URL"):
        stack.start()
    assert not (data / "secrets.env").exists()


def test_two_parts_on_one_port_are_refused(folder: Path) -> None:
    ports = Ports.free()
    stack = Stack(folder / "same", ports=dataclasses.replace(ports, realtime=ports.web))
    with pytest.raises(StackError, match=r"meant for two parts.*MERIDIAN_WEB_PORT or MERIDIAN_REALTIME_PORT"):
        stack.start()


def test_a_folder_that_cannot_be_made_is_a_sentence(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(StackError, match=r"cannot be made.*MERIDIAN_DATA"):
        Stack(folder / "file" / "data").start()
    with pytest.raises(StackError, match=r"cannot be made.*MERIDIAN_DATA"):
        Stack(Path("/proc/meridian")).start()


def test_the_line_that_tells_the_error_is_shown_not_the_last(folder: Path) -> None:
    script = "echo 'Error: ENOENT: no such file'; echo '    at open (node:internal)'; echo; echo 'Node.js v20.20.2'; exit 1"
    process = Process("Building", ["sh", "-c", script], log_path=folder / "logs" / "node.log")
    with pytest.raises(StackError, match=r"exit code 1 \(Error: ENOENT: no such file\); its log is"):
        process.run(lambda _: None, 20)


def test_parts_of_this_machine_go_around_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert "no_proxy" not in surroundings()
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    assert surroundings()["no_proxy"] == "intranet.example.com,127.0.0.1,localhost,.localhost"
    assert surroundings()["HTTP_PROXY"] == "http://proxy.example.com:3128"
