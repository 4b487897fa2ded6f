"""A person's own account: second factors, new passwords, sessions, and the policy that a company sets."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from apps.tenants.letters_account import DONE, account_letter
from apps.tenants.models import Tenant, User
from apps.tenants.services import person_add
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


def code_of(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


@pytest.fixture
def secret(alice: User) -> str:
    made = generate_totp_secret()
    TOTP.activate(alice, made)
    return made


def log_in(client: Client, email: str = "alice@acme.test") -> HttpResponse:
    return client.post("/login", {"username": email, "password": PASSWORD})


def test_a_second_factor_is_asked_and_stored_encrypted(client_for: ClientFor, secret: str) -> None:
    assert secret not in str(Authenticator.objects.get().data)
    client = client_for(None, "acme")
    assert log_in(client)["Location"] == "/account/factors/ask"
    assert "_auth_user_id" not in client.session
    assert client.post("/account/factors/ask", {"code": "000000"}).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post("/account/factors/ask", {"code": code_of(secret)})["Location"] == "/"
    assert client.get("/").status_code == 200


def test_a_second_factor_is_asked_on_the_public_host_before_the_ticket(client_for: ClientFor, secret: str) -> None:
    client = client_for(None, "")
    assert log_in(client)["Location"] == "/account/factors/ask"
    answer = client.post("/account/factors/ask", {"code": code_of(secret)})
    assert urlsplit(answer["Location"]).hostname == "acme.localhost"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "path",
    [
        "/account/",
        "/account/email",
        "/account/password",
        "/account/password/forgotten",
        "/account/password/forgotten/sent",
        "/account/password/done",
        "/account/factors/",
        "/account/sessions",
        "/account/passkeys/",
        "/account/reauthenticate",
    ],
)
def test_each_page_of_the_account_is_ours(client_for: ClientFor, alice: User, path: str) -> None:
    page = client_for(alice, "acme").get(path).content.decode()
    assert 'id="content"' in page


@pytest.mark.parametrize("path", ["factors/app", "passkeys/add", "factors/codes/new"])
def test_what_changes_the_log_in_asks_for_the_password_again(client_for: ClientFor, secret: str, path: str) -> None:
    client = client_for(None, "acme")
    log_in(client)
    client.post("/account/factors/ask", {"code": code_of(secret)})
    answer = client.get(f"/account/{path}")
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]


def test_an_app_is_set_up_and_gives_recovery_codes(
    client_for: ClientFor, alice: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    client = client_for(None, "acme")
    log_in(client)
    asked = client.get("/account/factors/app")
    client.post(asked["Location"], {"password": PASSWORD})
    page = client.get("/account/factors/app")
    given = page.context["form"].secret
    assert "data:image/svg" in page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/account/factors/app", {"code": code_of(given)}).status_code == 302
    assert Authenticator.objects.filter(user=alice, type=Authenticator.Type.TOTP).exists()
    assert "An authenticator app was added" in [letter.subject for letter in mail.outbox]
    assert client.get("/account/factors/codes").context["unused_codes"]


def test_a_new_password_comes_by_mail(client_for: ClientFor, alice: User) -> None:
    client = client_for(None, "acme")
    client.post("/account/password/forgotten", {"email": alice.email})
    found = re.search(r"http://acme\.localhost(/account/password/new/\S+)", mail.outbox[0].body)
    assert found and found[0] in mail.outbox[0].alternatives[0][0]
    assert found
    form = client.get(found[1])["Location"]
    assert client.post(form, {"password1": "new-meadow-31", "password2": "new-meadow-31"}).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("new-meadow-31")
    told = mail.outbox[1]
    assert (told.to, told.subject) == ([alice.email], "Your password was changed")
    assert "with a program that Meridian does not know" in told.body  # allauth says Unspecified
    assert "http://acme.localhost/account/" in told.body and "If it was not, choose a new password" in told.alternatives[0][0]


@pytest.mark.parametrize("done", DONE)
def test_what_was_done_to_a_log_in_is_told(alice: User, done: str) -> None:
    said = {"to_email": "alice@new.test", "from_email": alice.email, "deleted_email": "old@acme.test"}
    firefox = "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0"
    letter = account_letter(
        done=done, to=alice.email, url="http://acme.localhost/account/", address="203.0.113.7", browser=firefox, context=said
    )
    assert letter.subject == str(DONE[done])
    assert "with Firefox on Windows, from the address 203.0.113.7." in letter.body
    assert "%(" not in letter.body and letter.alternatives[0][1] == "text/html"


def test_nobody_learns_who_has_a_log_in(client_for: ClientFor) -> None:
    known = client_for(None, "acme").post("/account/password/forgotten", {"email": "alice@acme.test"})
    unknown = client_for(None, "acme").post("/account/password/forgotten", {"email": "nobody@acme.test"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [["alice@acme.test"]]


def test_other_sessions_are_ended(client_for: ClientFor) -> None:
    here, there = client_for(None, "acme"), client_for(None, "acme")
    log_in(here)
    log_in(there)
    assert here.get("/account/sessions").context["session_count"] == 2
    here.post("/account/sessions")
    assert here.get("/").status_code == 200
    assert there.get("/")["Location"].startswith("/login")


def test_guessing_is_slowed_down(client_for: ClientFor) -> None:
    client = client_for(None, "acme")
    for _ in range(5):
        client.post("/login", {"username": "alice@acme.test", "password": "wrong"})
    assert "Too many attempts" in log_in(client).content.decode()


def test_a_session_counts_at_its_own_company_only(client_for: ClientFor, alice: User, globex: Tenant) -> None:
    person_add(tenant=globex, email=alice.email, role="agent")
    here, there = client_for(None, "acme"), client_for(None, "globex")
    log_in(here)
    there.cookies = here.cookies
    assert there.get("/").status_code == 404


def test_a_company_may_ask_everybody_for_a_second_factor(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(mfa_required=True)
    client = client_for(alice, "acme")
    assert client.get("/")["Location"] == "/account/factors/"
    assert client.get("/account/factors/").status_code == 200
    assert client.get("/api/v1/conversations").status_code == 403
    TOTP.activate(alice, generate_totp_secret())
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("policy", "session"),
    [({"session_hours": 1}, {"began": -3700}), ({"idle_minutes": 10}, {"seen": -700})],
    ids=["length", "idle"],
)
def test_sessions_end_by_the_companys_rules(
    client_for: ClientFor, acme: Tenant, policy: dict[str, int], session: dict[str, int]
) -> None:
    client = client_for(None, "acme")
    log_in(client)
    assert client.get("/").status_code == 200
    Tenant.objects.filter(pk=acme.pk).update(**policy)
    kept = client.session
    kept.update({name: int(time.time()) + ago for name, ago in session.items()})
    kept.save()
    assert client.get("/")["Location"] == "/login"
    assert "_auth_user_id" not in client.session


def test_new_passwords_are_as_long_as_the_company_asks(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(password_length=20)
    client = client_for(alice, "acme")
    given = {"oldpassword": PASSWORD, "password1": "short-meadow-31", "password2": "short-meadow-31"}
    assert "at least 20 characters" in client.post("/account/password", given).content.decode()
