"""What a stack decides before it starts anything: secrets, settings, ports, room on the disk."""

import base64
import dataclasses
import errno
import os
import re
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from embedded import up
from embedded.envfile import env_read, env_write
from embedded.environment import given_by_person, parts_needed, stack_environment, surroundings
from embedded.errors import StackError
from embedded.keys import MAKERS, keys_ensure
from embedded.paths import CHECKOUT, data_dir_default, data_dir_make, others_reach, scratch_dir
from embedded.ports import Ports, port_free, port_taken
from embedded.stack import Stack

Usage = namedtuple("Usage", "total used free")


def test_secrets_are_made_once_and_only_the_owner_reads_them(data_dir: Path) -> None:
    first = keys_ensure(data_dir)
    assert keys_ensure(data_dir) == first
    assert len(first["LIVEKIT_API_SECRET"]) >= 32
    assert len(set(first.values())) == len(first)
    assert (data_dir / "secrets.env").stat().st_mode & 0o077 == 0


def test_a_secret_that_is_new_in_a_release_leaves_the_others_alone(data_dir: Path) -> None:
    first = keys_ensure(data_dir)
    env_write(data_dir / "secrets.env", {"SECRET_KEY": first["SECRET_KEY"]})
    again = keys_ensure(data_dir)
    assert again["SECRET_KEY"] == first["SECRET_KEY"]
    assert again["FIELD_KEYS"] != first["FIELD_KEYS"]


def test_env_files_are_read_without_comments_and_quotes(data_dir: Path) -> None:
    path = data_dir / ".env"
    path.write_text('# words\nA=1\n B = "two=2" \nnothing\n#C=3\n')
    assert env_read(path) == {"A": "1", "B": "two=2"}
    assert env_read(data_dir / "missing") == {}


def test_every_part_is_started_when_nothing_is_given() -> None:
    assert parts_needed({}) == {"postgres", "valkey", "livekit", "models", "meta"}


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({"DATABASE_URL": "postgres://a@b/c"}, {"postgres"}),
        ({"REDIS_URL": "redis://b/0"}, {"valkey"}),
        ({"OPENAI_API_KEY": "sk"}, {"models"}),
        ({"OPENAI_BASE_URL": "http://b/v1"}, {"models"}),
        ({"LIVEKIT_URL": "ws://b", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}, {"livekit"}),
        ({"WHATSAPP_ACCESS_TOKEN": "t", "WHATSAPP_APP_SECRET": "s", "WHATSAPP_VERIFY_TOKEN": "v"}, {"meta"}),
        ({"DEEPGRAM_API_KEY": "d", "ELEVENLABS_API_KEY": "e"}, set()),
    ],
)
def test_a_given_part_is_not_started(given: dict[str, str], left_out: set[str]) -> None:
    assert parts_needed({}) - parts_needed(given) == left_out


def test_livekit_given_without_its_key_is_refused() -> None:
    with pytest.raises(StackError, match="LIVEKIT_API_KEY and LIVEKIT_API_SECRET"):
        parts_needed({"LIVEKIT_URL": "ws://b"})


def test_a_given_livekit_sip_is_started_beside_our_own_livekit_only() -> None:
    given = {"MERIDIAN_LIVEKIT_SIP": "livekit-sip"}
    assert parts_needed(given) - parts_needed({}) == {"sip"}
    with pytest.raises(StackError, match="beside that one, and leave out MERIDIAN_LIVEKIT_SIP"):
        parts_needed(given | {"LIVEKIT_URL": "ws://b", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"})


def test_whatsapp_given_without_its_secrets_is_refused() -> None:
    with pytest.raises(StackError, match="WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN"):
        parts_needed({"WHATSAPP_ACCESS_TOKEN": "EAA"})


def test_a_stripe_key_without_its_webhook_secret_is_refused() -> None:
    with pytest.raises(StackError, match="STRIPE_WEBHOOK_SECRET"):
        parts_needed({"STRIPE_SECRET_KEY": "sk_test_1"})


def test_browsers_get_the_public_half_of_the_web_push_key(data_dir: Path) -> None:
    keys = keys_ensure(data_dir)
    env = stack_environment(data_dir, Ports.named({}), keys, {})
    assert env["WEBPUSH_PRIVATE_KEY"] == keys["WEBPUSH_PRIVATE_KEY"]
    assert base64.urlsafe_b64decode(env["WEBPUSH_PUBLIC_KEY"] + "=")[:1] == b"\x04"
    own = stack_environment(data_dir, Ports.named({}), keys, {"WEBPUSH_PRIVATE_KEY": MAKERS["WEBPUSH_PRIVATE_KEY"]()})
    assert own["WEBPUSH_PUBLIC_KEY"] != env["WEBPUSH_PUBLIC_KEY"]
    with pytest.raises(StackError, match="no VAPID key"):
        stack_environment(data_dir, Ports.named({}), keys, {"WEBPUSH_PRIVATE_KEY": "nothing"})


def test_meta_itself_gets_nothing_of_the_pretend_one(data_dir: Path) -> None:
    given = {"WHATSAPP_ACCESS_TOKEN": "t", "WHATSAPP_APP_SECRET": "s", "WHATSAPP_VERIFY_TOKEN": "v"}
    env = stack_environment(data_dir, Ports.named({}), keys_ensure(data_dir), given)
    assert "WHATSAPP_GRAPH_URL" not in env
    assert env["WHATSAPP_APP_SECRET"] == "s"


def test_what_is_given_wins_over_what_is_made(data_dir: Path) -> None:
    given = {"PUBLIC_URL": "https://calls.example.com", "OPENAI_API_KEY": "sk-given"}
    env = stack_environment(data_dir, Ports.named({}), keys_ensure(data_dir), given)
    assert env["PUBLIC_URL"] == "https://calls.example.com"
    assert env["OPENAI_API_KEY"] == "sk-given"
    assert "OPENAI_BASE_URL" not in env
    assert "MERIDIAN_LOCAL_MODELS" not in env
    assert env["LIVEKIT_URL"] == "ws://127.0.0.1:7880"


def test_an_address_on_the_network_is_what_callers_are_told(data_dir: Path) -> None:
    given = {"MERIDIAN_NODE_IP": "192.0.2.7"}
    env = stack_environment(data_dir, Ports.named({}), keys_ensure(data_dir), given)
    assert env["LIVEKIT_PUBLIC_URL"] == "ws://192.0.2.7:7880"
    assert env["PUBLIC_HOSTS"] == "192.0.2.7"


def test_a_persons_settings_come_from_the_environment_and_never_leak_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "given")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    given = given_by_person()
    assert given["DEEPGRAM_API_KEY"] == "given"
    assert "OPENAI_API_KEY" not in given
    assert not {"DEEPGRAM_API_KEY", "DATABASE_URL", "SECRET_KEY"} & surroundings().keys()
    assert "PATH" in surroundings()


def test_a_port_is_not_chosen_that_another_part_is_told_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.ports.CHOICE", range(27_520, 27_523))
    monkeypatch.setattr("embedded.ports.port_taken", lambda *_: False)
    ports = Ports.named({"MERIDIAN_POSTGRES_PORT": "27520"})
    assert {ports.atlas_health, ports.media_bot_health} == {27_521, 27_522}


def test_ports_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports.named({"MERIDIAN_WEB_PORT": "9000", "MERIDIAN_LIVEKIT_PORT": "9100"})
    assert (ports.web, ports.realtime, ports.livekit_tcp, ports.livekit_udp) == (9000, 8001, 9101, 9102)
    health = Ports.named({"MERIDIAN_ATLAS_HEALTH_PORT": "9200", "MERIDIAN_MEDIA_BOT_HEALTH_PORT": "9201"})
    assert (health.atlas_health, health.media_bot_health) == (9200, 9201)
    with pytest.raises(StackError, match="MERIDIAN_WEB_PORT is 'http'"):
        Ports.named({"MERIDIAN_WEB_PORT": "http"})


def test_the_data_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("MERIDIAN_DATA", str(data_dir))
    assert data_dir_default() == data_dir.resolve()
    monkeypatch.delenv("MERIDIAN_DATA")
    assert "meridian" in data_dir_default().parts


def test_a_scratch_folder_can_be_reached_by_postgres() -> None:
    folder = scratch_dir()
    assert others_reach(folder) or folder.stat().st_uid != 0
    shutil.rmtree(folder)


def test_a_taken_port_is_named_with_its_owner_before_anything_is_made(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        stack = Stack(data_dir, ports=dataclasses.replace(Ports.free(), valkey=number))
        with pytest.raises(StackError, match=rf"Port {number} is taken by .*process \d+.*MERIDIAN_VALKEY_PORT"):
            stack.start()
    assert not (data_dir / "secrets.env").exists()
    assert not (data_dir / "postgres").exists()


def test_a_port_that_only_root_may_open_is_told_as_such(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = Ports.free()

    def refused(sock: socket.socket, address: tuple[str, int]) -> None:
        if address[1] == 80:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(StackError, match=r"Port 80 is one that only root may open.*MERIDIAN_WEB_PORT"):
        Stack(data_dir, ports=dataclasses.replace(free, web=80)).start()


def test_a_taken_media_port_is_noticed(data_dir: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        assert port_taken(number, socket.SOCK_DGRAM)
        stack = Stack(data_dir, ports=dataclasses.replace(Ports.free(), livekit_udp=number))
        with pytest.raises(StackError, match="MERIDIAN_LIVEKIT_PORT"):
            stack.start()


def test_a_port_of_a_given_part_may_be_taken(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = dataclasses.replace(Ports.free(), postgres=taken.getsockname()[1])
        given = {"DATABASE_URL": "postgres://elsewhere/db", "OPENAI_API_KEY": "sk"}
        with Stack(data_dir, given, ports=ports, only_services=True) as stack:
            assert stack.env["DATABASE_URL"] == "postgres://elsewhere/db"
            assert stack.process("valkey").running
            assert not (data_dir / "postgres").exists()


def test_a_full_disk_is_told_before_anything_is_made(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10 * 1024**3, 9 * 1024**3, 1024**3))
    with pytest.raises(StackError, match=r"Only 1\.0 GB are free"):
        Stack(data_dir).start()
    assert not (data_dir / "secrets.env").exists()


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/secrets.env")
COPIED = shutil.Error([("/a", "/b", f"[Errno 28] {os.strerror(errno.ENOSPC)}: '/b'")])
OTHERS = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/livekit.yaml")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FULL, r"The disk is full \(/data/secrets\.env\); make room, then start again"),
        (COPIED, "The disk is full; make room"),
        (OTHERS, r"/data/livekit\.yaml may not be written \(Permission denied\).*chown"),
    ],
)
def test_a_disk_that_fails_under_way_is_a_sentence_and_nothing_runs_on(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, said: str
) -> None:
    def fails(stack: Stack) -> None:
        raise error

    monkeypatch.setattr(Stack, "_tools", fails)
    monkeypatch.setattr(Ports, "named", lambda given: Ports.free())
    monkeypatch.setattr("embedded.up.given_by_person", lambda: {"OPENAI_API_KEY": "sk"})
    monkeypatch.setattr("embedded.up.SIGNALS", ())
    assert up.main(["--data", str(data_dir), "--only-services"]) == 1
    shown = capsys.readouterr().out
    assert re.search(f"Meridian did not start. {said}", shown)
    assert not (data_dir / "stack.env").exists()
    monkeypatch.setattr(Stack, "_tools", lambda stack: _raise(OSError(errno.EINVAL, "Invalid argument")))
    with pytest.raises(OSError, match="Invalid argument"):  # a fault of ours is shown whole
        up.main(["--data", str(data_dir), "--only-services"])


def _raise(error: Exception) -> None:
    raise error


def test_a_checkout_of_somebody_else_is_told_at_once(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: path != CHECKOUT)
    monkeypatch.setattr("embedded.up.SIGNALS", ())
    assert up.main(["--data", str(data_dir)]) == 1
    assert f"You may not write in {CHECKOUT}" in capsys.readouterr().out
    assert not (data_dir / "up.lock").exists()


def test_a_hardened_umask_does_not_shut_postgres_out(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.paths.is_root", lambda: True)
    before = os.umask(0o077)
    try:
        made = data_dir_make(data_dir / "new" / "data")
    finally:
        os.umask(before)
    assert others_reach(made)
    assert made.stat().st_mode & 0o066 == 0, "it is walked through, not read"
    assert (made / "logs").stat().st_mode & 0o077 == 0


def test_free_ports_are_all_different() -> None:
    ports = dataclasses.astuple(Ports.free())
    assert len(set(ports)) == len(ports)
    assert not port_taken(port_free())
