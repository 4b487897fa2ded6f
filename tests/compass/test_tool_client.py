"""The tools' HTTP client: TLS name and Host, one deadline, a size cap, and redirects that leak nothing."""

import datetime
import socket
import ssl
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.compass import client
from apps.compass.client import MAX_BYTES, Call, Deadline, DeadlineStream, RequestFailed, request
from tests.compass.servers import ALLOWED, reply, serving


@pytest.fixture(autouse=True)
def _allowed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALLOWED may be reached, also under the names shop.example and other.example."""
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    real = socket.getaddrinfo
    named = {"shop.example": ALLOWED, "other.example": ALLOWED}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kwargs: real(named.get(host, host), *args, **kwargs))


def call(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
    return request(Call(method, url, headers, body), timeout=60)


def contexts(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, start, start + datetime.timedelta(days=36500))
    alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    pem = folder / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())


def test_tls_name_and_host_are_the_urls_although_the_address_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, trusting = contexts(tmp_path, "shop.example")
    monkeypatch.setattr(client, "_tls", lambda: trusting)
    with serving(reply(body=b'{"open": true}'), tls=server) as shop:
        answer = call(f"https://shop.example:{shop.port}/hours")
    assert answer.body == b'{"open": true}'
    assert shop.server_names == ["shop.example"]
    assert shop.requests[0][2]["Host"] == f"shop.example:{shop.port}"


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, trusting = contexts(tmp_path, "other.example")
    monkeypatch.setattr(client, "_tls", lambda: trusting)
    with serving(reply(), tls=server) as shop, pytest.raises(RequestFailed, match="could not be reached"):
        call(f"https://shop.example:{shop.port}/")
    assert shop.requests == []


def test_redirects_follow_within_a_limit() -> None:
    with serving(reply(302, Location="/next")) as shop, pytest.raises(RequestFailed, match="more than 3 times"):
        call(f"http://shop.example:{shop.port}/")
    assert len(shop.requests) == 4


@pytest.mark.parametrize(
    ("status", "method", "body"), [(303, "GET", b""), (302, "GET", b""), (307, "POST", b"{}"), (308, "POST", b"{}")]
)
def test_redirected_method(status: int, method: str, body: bytes) -> None:
    def answer(handler: Any) -> None:
        (reply(status, Location="/done") if handler.path == "/" else reply())(handler)

    with serving(answer) as shop:
        assert call(f"http://shop.example:{shop.port}/", "POST", b"{}").status == 200
    assert [(seen[0], seen[3]) for seen in shop.requests] == [("POST", b"{}"), (method, body)]


def test_secrets_stay_with_their_origin() -> None:
    with serving(reply()) as other:
        with serving(reply(302, Location=f"http://other.example:{other.port}/")) as shop:
            assert call(f"http://shop.example:{shop.port}/", Authorization="Bearer s3cret").status == 200
        with (
            serving(reply(307, Location=f"http://other.example:{other.port}/")) as shop,
            pytest.raises(RequestFailed, match="redirected to another one"),
        ):
            call(f"http://shop.example:{shop.port}/", "POST", b'{"card": 1}')
    assert len(other.requests) == 1
    assert "Authorization" not in other.requests[0][2]


@pytest.mark.parametrize("location", ["http://[::1", "gopher://shop.example/", "http://user@shop.example/", "https://"])
def test_redirects_to_nonsense(location: str) -> None:
    with serving(reply(302, Location=location)) as shop, pytest.raises(RequestFailed):
        call(f"http://shop.example:{shop.port}/")


def test_a_header_that_cannot_be_sent() -> None:
    """Such as a session that a tool server named, which is sent back to it."""
    with serving(reply()) as shop, pytest.raises(RequestFailed, match="more than printable ASCII"):
        call(f"http://{ALLOWED}:{shop.port}/", **{"Mcp-Session-Id": "sitzung-ä"})
    assert shop.requests == []


def test_answers_are_capped() -> None:
    with serving(reply(body=b"x" * MAX_BYTES)) as shop:
        assert len(call(f"http://shop.example:{shop.port}/").body) == MAX_BYTES
    with serving(reply(body=b"x" * (MAX_BYTES + 1))) as shop, pytest.raises(RequestFailed, match="more than 256 KB"):
        call(f"http://shop.example:{shop.port}/")


def test_a_service_that_never_answers() -> None:
    with socket.create_server((ALLOWED, 0)) as silent:
        url = f"http://shop.example:{silent.getsockname()[1]}/"
        with pytest.raises(RequestFailed, match=r"longer than 0\.2 seconds"):
            request(Call("GET", url, {}, None), timeout=0.2)


def test_a_service_that_drips_is_cut_at_the_deadline() -> None:
    class Drip(httpcore.NetworkStream):
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            assert timeout is not None
            assert timeout <= 0.05
            return b"x"

    stream = DeadlineStream(Drip(), Deadline(0.05))
    with pytest.raises(RequestFailed, match="longer"):
        while stream.read(1, timeout=60):
            pass


def test_a_service_that_is_not_there() -> None:
    with socket.create_server((ALLOWED, 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(RequestFailed, match="could not be reached"):
        call(f"http://shop.example:{port}/")


def test_a_service_that_does_not_speak_http() -> None:
    def babble(handler: Any) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9\r\n")

    with serving(babble) as shop, pytest.raises(RequestFailed, match="did not speak HTTP"):
        call(f"http://shop.example:{shop.port}/")


def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(RequestFailed, match="has no address"):
        call("http://nowhere.example/")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "\udcff.example"])
def test_a_name_that_is_no_name(host: str) -> None:
    with pytest.raises(RequestFailed):
        call(f"http://{host}/")
