"""Host names of a company's own: whom they serve, and how nobody gets one that is not theirs."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from auditlog.models import LogEntry
from django.contrib.messages import get_messages
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.core.outbox import outbox_drain
from apps.tenants import outside, services_domains
from apps.tenants.consumers import TenantConsumer
from apps.tenants.dns import DnsError, servers, txt_of
from apps.tenants.models import CustomDomain, Domain, Role, Tenant, User
from apps.tenants.outside import Ask, OutsideError, Reply
from apps.tenants.selectors import tenant_host
from apps.tenants.services import person_add
from apps.tenants.services_domains import DomainError, domain_add, domain_check, domain_make_primary, domain_read, domain_remove
from apps.tenants.tasks import domain_recheck_task, domains_recheck_task
from tests.conftest import PASSWORD
from tests.sockets import Socket
from tests.standins.dns import DnsStandin, dns_serving

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
HOST = "service.acme.test"
TAKEN = "serves another company already"


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What web servers under those addresses answer; nothing else answers at all."""
    pages: dict[str, str] = {}

    def fetch(ask: Ask, timeout: float) -> Reply:
        if ask.url not in pages:
            raise OutsideError("Nobody is there.")
        return Reply(200, {}, pages[ask.url].encode())

    monkeypatch.setattr(outside, "_fetch", [fetch])
    return pages


@pytest.fixture(autouse=True)
def dns(settings: Any) -> Iterator[DnsStandin]:
    with dns_serving() as standin:
        settings.DNS_SERVERS = [standin.address]
        yield standin


@pytest.fixture
def owner(acme: Tenant) -> User:
    return person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD).user


def prove(custom: CustomDomain, dns: DnsStandin) -> CustomDomain:
    dns.texts[custom.record_name] = ["v=spf1 -all", custom.record_value]
    domain_check(custom=custom)
    return custom


@pytest.fixture
def proven(acme: Tenant, dns: DnsStandin) -> CustomDomain:
    return prove(domain_add(tenant=acme, domain=HOST), dns)


def at(host: str, **more: Any) -> Client:
    return Client(headers={"host": host}, **more)


def told(answer: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_an_owner_adds_proves_chooses_and_removes(
    client_for: ClientFor, owner: User, acme: Tenant, dns: DnsStandin, web: dict[str, str]
) -> None:
    client = client_for(owner, "acme")
    assert client.post("/compass/company/domains/", {"domain": f" {HOST.upper()}. "}).status_code == 302
    custom = CustomDomain.objects.get()
    page = client.get("/compass/company/domains/").content.decode()
    assert custom.record_value in page and f"_meridian.{HOST}" in page and "acme.localhost" in page
    check = f"/compass/company/domains/{custom.pk}/check"
    assert "no TXT record" in told(client.post(check))
    assert at(HOST).get("/login").status_code == 400
    dns.texts[custom.record_name] = ["meridian-domain=something-else"]
    assert "not this one" in told(client.post(check))
    dns.texts[custom.record_name] = [custom.record_value]
    assert "as soon as its CNAME" in told(client.post(check))
    assert "Acme" in at(HOST).get("/login").content.decode()
    web[f"http://{HOST}/.well-known/meridian-domain"] = at(HOST).get("/.well-known/meridian-domain").content.decode()
    assert "leads here" in told(client.post(check))
    client.post("/compass/company/domains/primary", {"domain": HOST})
    assert tenant_host(acme) == HOST
    client.post(f"/compass/company/domains/{custom.pk}/remove")
    assert tenant_host(acme) == "acme.localhost" and at(HOST).get("/login").status_code == 400
    with tenant_context(acme):
        kinds = {entry.content_type.model for entry in LogEntry.objects.select_related("content_type")}
    assert {"domain", "customdomain"} <= kinds


def test_a_record_behind_an_alias_counts(acme: Tenant, dns: DnsStandin) -> None:
    custom = domain_add(tenant=acme, domain=HOST)
    dns.aliases[custom.record_name] = "proofs.acme.test"
    dns.texts["proofs.acme.test"] = [custom.record_value]
    domain_check(custom=custom)
    assert Domain.objects.get(domain=HOST).tenant == acme


def test_a_file_of_the_companys_own_web_server_proves_it_as_well(acme: Tenant, web: dict[str, str]) -> None:
    custom = domain_add(tenant=acme, domain=HOST)
    web[f"https://{HOST}/.well-known/meridian-domain"] = f"{custom.token}\n"
    assert domain_check(custom=custom) and custom.is_verified


@pytest.mark.parametrize(
    "name",
    [
        *("", "acme", "https://acme.test", "acme.test/path", "acme.test:8000", "*.acme.test", "-a.test", "a..test", "127.0.0.1"),
        *(
            "[::1]",
            "1.2.3.4",
            "a_b.test",
            "localhost",
            "acme.localhost",
            "deep.acme.localhost",
            "x" * 64 + ".test",
            "a.test\nb.test",
        ),
    ],
)
def test_what_is_no_host_name_of_a_companys(acme: Tenant, name: str) -> None:
    with pytest.raises(DomainError):
        domain_add(tenant=acme, domain=name)


def test_the_platforms_host_its_parents_and_its_children(settings: Any) -> None:
    settings.PUBLIC_HOSTS, settings.TENANT_HOST_SUFFIX = {"meridian.example.com"}, ".desk.example.com"
    for name in ("meridian.example.com", "example.com", "x.meridian.example.com", "desk.example.com", "acme.desk.example.com"):
        with pytest.raises(DomainError, match="Meridian itself"):
            domain_read(name)
    assert domain_read("other.example.com") == "other.example.com"
    assert domain_read("Bücher.example") == "xn--bcher-kva.example"


def test_a_name_serves_one_company_only(acme: Tenant, globex: Tenant, dns: DnsStandin, proven: CustomDomain) -> None:
    with pytest.raises(DomainError, match=TAKEN):
        domain_add(tenant=globex, domain=HOST)
    with pytest.raises(DomainError, match=r"belongs to Meridian"):
        domain_add(tenant=globex, domain="acme.localhost")


def test_of_two_that_ask_whoever_proves_it_has_it(acme: Tenant, globex: Tenant, dns: DnsStandin) -> None:
    theirs, ours = domain_add(tenant=globex, domain=HOST), domain_add(tenant=acme, domain=HOST)
    assert theirs.token != ours.token
    dns.texts[ours.record_name] = [ours.record_value]
    with pytest.raises(DomainError, match="not this one"):
        domain_check(custom=theirs)
    domain_check(custom=ours)
    dns.texts[ours.record_name] = [theirs.record_value]
    with pytest.raises(DomainError, match=TAKEN):
        domain_check(custom=theirs)
    assert Domain.objects.get(domain=HOST).tenant == acme
    theirs.refresh_from_db()
    assert not theirs.is_verified


def test_a_name_that_still_leads_here_is_nobodys_for_the_asking(
    acme: Tenant, globex: Tenant, dns: DnsStandin, proven: CustomDomain, web: dict[str, str]
) -> None:
    """acme removed it and left its CNAME: what this server answers under it proves nothing about globex."""
    dns.texts.clear()
    domain_remove(custom=proven)
    theirs = domain_add(tenant=globex, domain=HOST)
    answer = at(HOST).get("/.well-known/meridian-domain")
    assert answer.status_code == 400
    web[f"http://{HOST}/.well-known/meridian-domain"] = answer.content.decode()
    with pytest.raises(DomainError, match="no TXT record"):
        domain_check(custom=theirs)


def test_the_token_is_told_under_its_own_name_only(client_for: ClientFor, proven: CustomDomain) -> None:
    assert at(HOST).get("/.well-known/meridian-domain").content.decode() == proven.token
    assert client_for(None, "acme").get("/.well-known/meridian-domain").status_code == 404
    assert client_for(None, "globex").get("/.well-known/meridian-domain").status_code == 404


def test_people_of_the_company_only(client_for: ClientFor, proven: CustomDomain, alice: User, charlie: User) -> None:
    for user, status in ((alice, 200), (charlie, 404)):
        client = at(HOST)
        client.force_login(user)
        assert client.get("/").status_code == status
    stranger = at(HOST).post("/login", {"username": charlie.email, "password": PASSWORD})
    assert stranger.status_code == 200 and "do not go together" in stranger.content.decode()


def test_only_owners_and_only_their_own(client_for: ClientFor, alice: User, charlie: User, proven: CustomDomain) -> None:
    for path in ("", f"{proven.pk}/check", f"{proven.pk}/remove", "primary"):
        address = f"/compass/company/domains/{path}"
        assert client_for(alice, "acme").post(address).status_code == 403
        assert client_for(charlie, "acme").post(address).status_code == 404
    assert CustomDomain.objects.get().is_verified


def test_an_owner_cannot_touch_another_companys(client_for: ClientFor, globex: Tenant, proven: CustomDomain) -> None:
    gina = person_add(tenant=globex, email="gina@globex.test", role=Role.OWNER).user
    client = client_for(gina, "globex")
    for path in (f"{proven.pk}/check", f"{proven.pk}/remove"):
        assert client.post(f"/compass/company/domains/{path}").status_code == 404
    assert "does not serve" in told(client.post("/compass/company/domains/primary", {"domain": HOST}))
    assert Domain.objects.get(domain=HOST).tenant.schema_name == "acme"


def test_forms_are_taken_from_its_own_pages_only(proven: CustomDomain) -> None:
    client = at(HOST, enforce_csrf_checks=True)
    client.get("/login")
    given = {"username": "alice@acme.test", "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post("/login", given, headers={"origin": "http://globex.localhost"}).status_code == 403
    assert client.post("/login", given, headers={"origin": f"http://{HOST}"}).status_code == 302


async def _close_code(user: User, host: str, origin: str) -> int | None:
    headers = [(b"host", host.encode()), (b"origin", f"https://{origin}".encode())]
    socket = Socket(TenantConsumer.as_asgi(), "/ws/calls/", headers=headers)
    socket.scope["user"] = user
    await socket.connect()
    if await socket.receive_nothing():
        await socket.disconnect()
        return None
    return (await socket.receive_output())["code"]


@pytest.mark.django_db(transaction=True)
def test_the_websocket_opens_from_its_own_page_only(proven: CustomDomain, alice: User, charlie: User) -> None:
    from asgiref.sync import async_to_sync

    close_code = async_to_sync(_close_code)
    assert close_code(alice, HOST, HOST) is None
    assert close_code(alice, HOST, "acme.localhost") == 4403
    assert close_code(charlie, HOST, HOST) == 4403


def test_from_the_public_log_in_a_page_leads_on(client_for: ClientFor, acme: Tenant, alice: User, proven: CustomDomain) -> None:
    """The log-in form's policy names the platform's hosts only, and a browser holds redirects of a form to it."""
    domain_make_primary(tenant=acme, domain=HOST)
    answer = client_for(None, "").post("/login", {"username": alice.email, "password": PASSWORD})
    assert answer.status_code == 200
    target = urlsplit(answer.context["address"])
    assert target.hostname == HOST
    client = at(HOST)
    assert client.get(f"{target.path}?{target.query}")["Location"] == "/"
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_a_www_name_is_served_as_it_is_proven(acme: Tenant, dns: DnsStandin) -> None:
    prove(domain_add(tenant=acme, domain="www.acme.test"), dns)
    assert at("www.acme.test").get("/login").status_code == 200
    assert at("acme.test").get("/login").status_code == 400


@pytest.mark.parametrize("host", ["evil.example", "acme.localhost.evil.example", "evil.example:8000", "e vil", ""])
def test_a_host_that_nobody_proved(host: str) -> None:
    answer = at(host).get("/login")
    assert answer.status_code == 400 and b"No company" in answer.content


def test_proxies_ask_for_which_names_to_get_certificates(client_for: ClientFor, proven: CustomDomain) -> None:
    client = at("web:8000")
    for domain, status in ((HOST, 200), ("acme.localhost", 200), ("evil.example", 404), ("", 404), ("a\x00.example", 404)):
        assert client.get("/domains/allowed", {"domain": domain}).status_code == status


def test_only_the_name_itself_is_held_to_tls(proven: CustomDomain, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD = 60, True, True
    own = at(HOST).get("/login", secure=True)["Strict-Transport-Security"]
    platforms = at("acme.localhost").get("/login", secure=True)["Strict-Transport-Security"]
    assert (own, "includeSubDomains" in platforms) == ("max-age=60", True)


def test_how_many_a_company_may_ask_for(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_domains, "MOST", 1)
    domain_add(tenant=acme, domain=HOST)
    with pytest.raises(DomainError, match="at most"):
        domain_add(tenant=acme, domain="other.acme.test")


def test_name_servers_that_fail(acme: Tenant, dns: DnsStandin, settings: Any) -> None:
    dns.code = 2
    with pytest.raises(DnsError):
        txt_of("acme.test")
    with pytest.raises(DomainError, match="did not answer"):
        domain_check(custom=domain_add(tenant=acme, domain=HOST))
    settings.DNS_SERVERS = ["192.0.2.1", "[::1]:5353", "2001:db8::1"]
    assert servers() == [("192.0.2.1", 53), ("::1", 5353), ("2001:db8::1", 53)]


def recheck(custom: CustomDomain) -> str:
    answer: str = domain_recheck_task(str(custom.pk))
    custom.refresh_from_db()
    outbox_drain()
    return answer


def test_a_proof_that_goes_missing_is_told_once_and_cuts_nobody_off(
    client_for: ClientFor, owner: User, proven: CustomDomain, dns: DnsStandin
) -> None:
    assert recheck(proven) == "there" and proven.missing_since is None
    dns.texts.clear()
    assert recheck(proven) == recheck(proven) == "missing"
    [letter] = mail.outbox
    assert letter.bcc == ["olga@acme.test"] and proven.record_value in letter.body
    assert "http://acme.localhost:8000/compass/company/domains/" in letter.body
    assert 'href="http://acme.localhost:8000/compass/company/domains/"' in letter.alternatives[0][0]
    assert at(HOST).get("/login").status_code == 200
    page = client_for(owner, "acme").get("/compass/company/domains/").content.decode()
    assert "Record missing" in page and proven.record_value in page
    dns.texts[proven.record_name] = [proven.record_value]
    assert recheck(proven) == "there" and proven.missing_since is None
    assert "Record missing" not in client_for(owner, "acme").get("/compass/company/domains/").content.decode()
    assert len(mail.outbox) == 1


def test_a_name_that_leads_here_needs_no_record(proven: CustomDomain, dns: DnsStandin, web: dict[str, str]) -> None:
    dns.texts.clear()
    web[f"https://{HOST}/.well-known/meridian-domain"] = proven.token
    assert recheck(proven) == "there" and mail.outbox == []


def test_name_servers_that_do_not_answer_prove_nothing(proven: CustomDomain, dns: DnsStandin) -> None:
    dns.code = 2
    assert recheck(proven) == "unknown" and proven.missing_since is None and mail.outbox == []


def test_after_the_time_of_grace_it_is_let_go_of(acme: Tenant, owner: User, proven: CustomDomain, dns: DnsStandin) -> None:
    domain_make_primary(tenant=acme, domain=HOST)
    dns.texts.clear()
    recheck(proven)
    CustomDomain.objects.update(missing_since=timezone.now() - timedelta(days=30))
    assert recheck(proven) == "over" and not proven.is_verified
    assert tenant_host(acme) == "acme.localhost" and at(HOST).get("/login").status_code == 400
    assert "no longer serves" in mail.outbox[-1].subject and len(mail.outbox) == 2
    assert recheck(proven) == "gone"
    prove(proven, dns)
    assert at(HOST).get("/login").status_code == 200


def test_checking_by_hand_takes_the_warning_back(
    client_for: ClientFor, owner: User, proven: CustomDomain, dns: DnsStandin
) -> None:
    dns.texts.clear()
    recheck(proven)
    dns.texts[proven.record_name] = [proven.record_value]
    client_for(owner, "acme").post(f"/compass/company/domains/{proven.pk}/check")
    proven.refresh_from_db()
    assert proven.missing_since is None


def test_the_nightly_round_takes_proven_names_of_active_companies(
    acme: Tenant, globex: Tenant, proven: CustomDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain_add(tenant=globex, domain="other.globex.test")
    asked: list[str] = []
    monkeypatch.setattr(domain_recheck_task, "delay", asked.append)
    assert domains_recheck_task() == 1 and asked == [str(proven.pk)]
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.SUSPENDED)
    assert domains_recheck_task() == 0
