"""Stand-in for an OpenID Connect provider: discovery, signing keys, authorization with a consent page, code for tokens, userinfo.

Formats: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, 7517, 7519 and 7636. It speaks from a thread, because those who ask
it are Django views; it is as strict as a real one, and what a test wants to be wrong is changed in `twist`.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.compass.servers import ALLOWED

Claims = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A signing key with its id."""

    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    def make(cls) -> Self:
        return cls(secrets.token_hex(4), rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def public(self) -> dict[str, Any]:
        shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return {"kty": "RSA", "n": shown["n"], "e": shown["e"], "kid": self.kid, "use": "sig", "alg": "RS256"}


@dataclass
class Grant:
    """What a code stands for."""

    claims: Claims
    redirect_uri: str
    challenge: str
    nonce: str


@dataclass
class OidcStandin:
    """`person` is who sits at the provider; `twist` changes the claims of an ID token before it is signed."""

    issuer: str = ""
    client_id: str = "meridian"
    client_secret: str = "s3cret-of-the-client"
    redirect_uris: list[str] = field(default_factory=list)
    person: Claims = field(default_factory=dict)
    document: Claims = field(default_factory=dict)
    twist: Callable[[Claims], Claims] = field(default=lambda claims: claims)
    sign: Callable[[Claims, Key], str] | None = None
    thin: bool = False
    shown: list[Key] = field(default_factory=list)
    key: Key = field(default_factory=Key.make)
    grants: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Claims] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def rotate(self) -> None:
        """From now on another key signs, and the old one is not shown any more."""
        self.key = Key.make()
        self.shown = [self.key]

    def discovery(self) -> Claims:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "userinfo_endpoint": f"{at}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            **self.document,
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes back to once the person agrees. Raises ValueError for a bad request."""
        needed = {"response_type": "code", "client_id": self.client_id, "code_challenge_method": "S256"}
        wrong = [name for name, value in needed.items() if query.get(name) != value]
        if query.get("redirect_uri") not in self.redirect_uris:
            wrong.append("redirect_uri")
        wrong += [name for name in ("state", "nonce", "code_challenge") if not query.get(name)]
        if wrong or "openid" not in query.get("scope", "").split():
            raise ValueError(f"invalid_request: {', '.join(wrong) or 'scope'}")
        code = secrets.token_urlsafe(24)
        self.grants[code] = Grant(dict(self.person), query["redirect_uri"], query["code_challenge"], query["nonce"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def exchange(self, form: dict[str, str], basic: str) -> tuple[int, Claims]:
        """The answer of /token. A code is good once."""
        pair = (
            base64.b64decode(basic).decode().split(":", 1)
            if basic
            else [form.get("client_id", ""), form.get("client_secret", "")]
        )
        if [unquote_plus(part) for part in pair] != [self.client_id, self.client_secret]:
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or grant.redirect_uri != form.get("redirect_uri") or grant.challenge != given:
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        self.tokens[access] = grant.claims
        return 200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": self.id_token(grant)}

    def id_token(self, grant: Grant) -> str:
        now = int(time.time())
        base = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": grant.nonce}
        told = {"sub": grant.claims["sub"]} if self.thin else grant.claims
        claims = self.twist({**base, **told})
        if self.sign is not None:
            return self.sign(claims, self.key)
        return jwt.encode(claims, self.key.private, algorithm="RS256", headers={"kid": self.key.kid})


class _Handler(BaseHTTPRequestHandler):
    """Answers as the stand-in says; `standin` is set by oidc_serving."""

    standin: OidcStandin

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.standin.paths.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            self._json(200, self.standin.discovery())
        elif parts.path == "/keys":
            self._json(200, {"keys": [key.public() for key in self.standin.shown]})
        elif parts.path == "/userinfo":
            claims = self.standin.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            self._json(200 if claims else 401, claims or {"error": "invalid_token"})
        elif parts.path == "/authorize":
            self._consent(query)
        else:
            self._json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        self.standin.paths.append(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(text).items()}
        status, answer = self.standin.exchange(form, self.headers.get("Authorization", "").removeprefix("Basic "))
        self._json(status, answer)

    def _consent(self, query: dict[str, str]) -> None:
        """A page on which the person agrees."""
        try:
            target = html.escape(self.standin.authorize(query))
        except ValueError as error:
            self._answer(400, "text/plain", str(error).encode())
            return
        page = f'<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1><a href="{target}">Agree</a>'
        self._answer(200, "text/html", page.encode())

    def _json(self, status: int, body: Claims) -> None:
        self._answer(status, "application/json", json.dumps(body).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def oidc_serving(**options: Any) -> Iterator[OidcStandin]:
    """A provider on an address that tests open for tools (TOOL_ALLOWED_NETWORKS)."""
    standin = OidcStandin(**options)
    standin.shown = [standin.key]
    with ThreadingHTTPServer((ALLOWED, 0), type("Handler", (_Handler,), {"standin": standin})) as server:
        standin.issuer = f"http://{ALLOWED}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield standin
        finally:
            server.shutdown()
            thread.join()
