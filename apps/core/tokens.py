"""Call tokens and turn tokens: short-lived signed bearers that name tenant, agent and call or turn, and nothing else."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Literal

import jwt
from django.conf import settings

Kind = Literal["call", "turn"]
DRAFT = "draft"


class BadToken(Exception):
    """The token is missing, altered, of another kind, or over."""


@dataclass(frozen=True)
class ScopedToken:
    """What a token stands for. `subject_id` is the call's or the turn's id; `version` is `draft` where the draft is tried."""

    kind: Kind
    tenant: str
    agent_id: str
    subject_id: str
    version: str = ""

    @property
    def is_authenticated(self) -> bool:
        """DRF asks this of whatever it takes for a user."""
        return True


def token_issue(*, kind: Kind, tenant: str, agent_id: str, subject_id: str, ttl: int, version: str = "") -> str:
    """Signs a token that is good for `ttl` seconds."""
    claims: dict[str, Any] = {"aud": kind, "ten": tenant, "agt": agent_id, "sub": subject_id, "exp": int(time.time()) + ttl}
    if version:
        claims["version"] = version
    return jwt.encode(claims, _key(), algorithm="HS256")


def token_read(raw: str, *, kind: Kind) -> ScopedToken:
    """Raises BadToken when `raw` is not a valid token of this kind."""
    try:
        claims = jwt.decode(raw, _key(), algorithms=["HS256"], audience=kind, options={"require": ["exp", "sub"]})
        return ScopedToken(kind, claims["ten"], claims["agt"], claims["sub"], claims.get("version", ""))
    except (jwt.InvalidTokenError, KeyError) as error:
        raise BadToken(str(error)) from error


def _key() -> bytes:
    return hashlib.sha256(b"meridian.scoped-token:" + settings.SECRET_KEY.encode()).digest()
