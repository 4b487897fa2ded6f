"""A livekit-sip that is given: found or refused, and asked whether it is there."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.errors import StackError
from embedded.ports import LOOPBACK, port_free
from embedded.sip import LivekitSip, sip_answers, sip_binary

FALSE = "/bin/false"


@pytest.fixture
def bridge(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of something that gives one answer to whatever it is sent by UDP."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.settimeout(20)

    def answer() -> None:
        asked, asker = sock.recvfrom(4096)
        assert asked.startswith(b"OPTIONS sip:127.0.0.1:")
        assert asked.endswith(b"\r\n\r\n")
        sock.sendto(request.param, asker)

    thread = threading.Thread(target=answer)
    thread.start()
    yield sock.getsockname()[1]
    thread.join()
    sock.close()


@pytest.mark.parametrize("bridge", [b"SIP/2.0 200 OK\r\n\r\n"], indirect=True)
def test_a_bridge_that_takes_calls_is_ready(bridge: int) -> None:
    assert sip_answers(LOOPBACK, bridge)


@pytest.mark.parametrize("bridge", [b"SIP/2.0 503 Service Unavailable\r\n\r\n"], indirect=True)
def test_a_bridge_that_refuses_is_not(bridge: int) -> None:
    assert not sip_answers(LOOPBACK, bridge)


def test_nobody_at_the_port_is_not() -> None:
    assert not sip_answers(LOOPBACK, port_free())


def test_a_program_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    assert sip_binary(FALSE) == Path(FALSE).resolve()
    assert sip_binary("false").name == "false"
    for missing in (str(tmp_path / "livekit-sip"), str(tmp_path)):
        with pytest.raises(StackError, match="give the path of a livekit-sip binary"):
            sip_binary(missing)


def test_a_bridge_that_ends_at_once_says_where_its_log_is(data_dir: Path) -> None:
    sip = LivekitSip(
        data_dir,
        port_free(),
        binary=FALSE,
        livekit_url="ws://127.0.0.1:1",
        redis_url="redis://:secret@127.0.0.1:1/1",
        api_key="key",
        api_secret="a-secret-of-at-least-thirty-two-characters",
    )
    with pytest.raises(StackError, match=r"livekit-sip ended with exit code 1.*livekit-sip\.log"):
        sip.start()
    assert sip.config.stat().st_mode & 0o077 == 0, "it holds the key and Redis's password"
