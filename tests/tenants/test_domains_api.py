"""/api/v1/domains: owners, and keys that they made for it, see to host names."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apps.tenants import outside
from apps.tenants.models import CustomDomain, Domain, Role, Tenant
from apps.tenants.outside import Ask, OutsideError, Reply
from tests.programs import ask, only_for, person, program
from tests.standins.dns import DnsStandin, dns_serving

pytestmark = pytest.mark.django_db
DOMAINS, HOST = "/api/v1/domains", "service.acme.test"


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
def key(acme: Tenant) -> Client:
    return program(acme, "domains:write")


def listed(client: Client) -> list[tuple[str, bool, bool]]:
    return [(row["domain"], row["is_primary"], row["is_served"]) for row in client.get(DOMAINS).json()["results"]]


def test_a_name_is_asked_for_proven_chosen_and_removed(key: Client, dns: DnsStandin, web: dict[str, str]) -> None:
    made = ask(key, "POST", DOMAINS, {"domain": HOST.upper()})
    assert (made.status_code, made.json()["domain"], made.json()["is_served"]) == (201, HOST, False)
    proof, leads = made.json()["records"]
    assert (proof["type"], proof["name"], leads) == (
        "TXT",
        f"_meridian.{HOST}",
        {"type": "CNAME", "name": HOST, "value": "acme.localhost"},
    )
    path = f"{DOMAINS}/{made.json()['id']}"
    missing = ask(key, "POST", f"{path}/check")
    assert missing.status_code == 422 and proof["name"] in missing.json()["detail"]
    dns.texts[proof["name"]] = [proof["value"]]
    proven = ask(key, "POST", f"{path}/check").json()
    assert (proven["is_served"], proven["leads_here"], proven["verified_at"] is not None) == (True, False, True)
    web[f"https://{HOST}/.well-known/meridian-domain"] = CustomDomain.objects.get().token
    assert ask(key, "POST", f"{path}/check").json()["leads_here"] is True
    chosen = ask(key, "PUT", f"{DOMAINS}/primary", {"domain": HOST})
    assert chosen.status_code == 200 and listed(key) == [(HOST, True, True), ("acme.localhost", False, True)]
    assert key.get(path).json() == chosen.json()["results"][0]
    assert key.delete(path).status_code == 204 and listed(key) == [("acme.localhost", True, True)]


@pytest.mark.parametrize("name", ["https://acme.test/x", "localhost", "x.localhost", "10.0.0.1"])
def test_what_is_no_name_of_a_company_is_told(key: Client, name: str) -> None:
    answer = ask(key, "POST", DOMAINS, {"domain": name})
    assert answer.status_code == 422 and "host name" in answer.json()["detail"]
    assert not CustomDomain.objects.exists()


def test_a_name_that_is_not_proven_is_not_chosen(key: Client) -> None:
    ask(key, "POST", DOMAINS, {"domain": HOST})
    refused = ask(key, "PUT", f"{DOMAINS}/primary", {"domain": HOST})
    assert refused.status_code == 422 and "Check" in refused.json()["detail"]
    theirs = ask(key, "PUT", f"{DOMAINS}/primary", {"domain": "globex.localhost"})
    assert theirs.status_code == 422 and Domain.objects.get(domain="globex.localhost").is_primary
    assert ask(key, "POST", DOMAINS, {"domain": HOST}).status_code == 422
    assert ask(key, "POST", DOMAINS, {}).json()["errors"].keys() == {"domain"}


def test_whose_names_they_are(key: Client, acme: Tenant, globex: Tenant) -> None:
    made = ask(key, "POST", DOMAINS, {"domain": HOST}).json()["id"]
    one = f"{DOMAINS}/{made}"
    asked = [("GET", DOMAINS), ("POST", DOMAINS), ("GET", one), ("DELETE", one), ("POST", f"{one}/check")]
    only_for(acme, globex, [*asked, ("PUT", f"{DOMAINS}/primary")], scope="domains", roles=[Role.OWNER])
    theirs = program(globex, "domains:write")
    assert [ask(theirs, *each).status_code for each in asked[2:]] == [404] * 3
    assert listed(theirs) == [("globex.localhost", True, True)]
    assert person(acme, Role.OWNER).get(one).json()["domain"] == HOST
