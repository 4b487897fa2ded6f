"""Encrypted fields refuse another tenant's key; tokens refuse everything but themselves."""

import time

import jwt
import pytest
from cryptography.fernet import Fernet
from django_tenants.utils import tenant_context

from apps.core.fields import WrongKey, decrypt, encrypt
from apps.core.tokens import BadToken, _key, token_issue, token_read
from apps.tenants.models import Tenant


def test_secret_round_trips_and_is_not_stored_in_clear(in_acme: Tenant) -> None:
    stored = encrypt("sk-canary")
    assert "sk-canary" not in stored
    assert decrypt(stored) == "sk-canary"


def test_another_tenant_cannot_read_it(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        stored = encrypt("sk-canary")
    with tenant_context(globex), pytest.raises(WrongKey):
        decrypt(stored)


def test_keys_rotate_and_a_lost_key_is_told(in_acme: Tenant, settings) -> None:
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    stored = encrypt("sk-canary")
    settings.FIELD_KEYS = [new, old]
    assert decrypt(stored) == "sk-canary"
    settings.FIELD_KEYS = [new]
    with pytest.raises(WrongKey, match="FIELD_KEYS"):
        decrypt(stored)


def issue(**changes: object) -> str:
    values = {"kind": "call", "tenant": "acme", "agent_id": "a", "subject_id": "c", "ttl": 60}
    return token_issue(**{**values, **changes})  # type: ignore[arg-type]


def test_token_names_tenant_agent_and_call() -> None:
    token = token_read(issue(), kind="call")
    assert (token.tenant, token.agent_id, token.subject_id) == ("acme", "a", "c")


def test_call_token_is_no_turn_token_and_ends() -> None:
    with pytest.raises(BadToken):
        token_read(issue(), kind="turn")
    with pytest.raises(BadToken):
        token_read(issue(ttl=-1), kind="call")


@pytest.mark.parametrize("position", range(0, 180, 7))
def test_altered_token_is_refused(position: int) -> None:
    raw = issue()
    position %= len(raw) - 2
    altered = raw[:position] + ("A" if raw[position] != "A" else "B") + raw[position + 1 :]
    with pytest.raises(BadToken):
        token_read(altered, kind="call")


def test_unsigned_token_is_refused() -> None:
    claims = {"aud": "call", "ten": "acme", "agt": "a", "sub": "c", "exp": int(time.time()) + 60}
    with pytest.raises(BadToken):
        token_read(jwt.encode(claims, None, algorithm="none"), kind="call")
    with pytest.raises(BadToken):
        token_read(jwt.encode(claims, _key()[:-1] + b"x", algorithm="HS256"), kind="call")
