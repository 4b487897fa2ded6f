"""The demo: two companies, their people and their Reception. Made through the apps' services; made once, then left alone."""

import os
from dataclasses import dataclass
from typing import Any

from django_tenants.utils import tenant_context

from apps.calls.services.numbers import number_set
from apps.compass.registry import tool_names
from apps.compass.selectors import agent_by_slug
from apps.compass.services import agent_create, agent_draft_save, agent_publish
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add, tenant_create
from embedded.defaults import agent_defaults
from embedded.demo_desk import PHRASES, TEAM, desk_seed
from embedded.demo_knowledge import knowledge_seed
from embedded.models import VOICE
from embedded.prompts import ACME, GLOBEX, greeting

PASSWORD = "meridian-demo"
STAFF = "root@meridian.test"
SLUG = "reception"


@dataclass(frozen=True)
class Company:
    """One tenant of the demo."""

    slug: str
    name: str
    system: str
    number: str
    people: tuple[tuple[str, str, Role], ...]


ACME_PEOPLE = (("alice@acme.test", "Alice", Role.OWNER), ("bob@acme.test", "Bob", Role.AGENT))
COMPANIES = (
    Company("acme", "Acme", ACME, "+12125550100", ACME_PEOPLE),
    Company("globex", "Globex", GLOBEX, "+12125550101", (("charlie@globex.test", "Charlie", Role.OWNER),)),
)


def demo_seed() -> list[str]:
    """Make what is missing and return a line for each thing made."""
    made = []
    if not User.objects.filter(email=STAFF).exists():
        User.objects.create_superuser(STAFF, PASSWORD, name="Root")
        made.append(f"platform staff {STAFF}")
    for company in COMPANIES:
        made += _company_seed(company)
    return made


def _company_seed(company: Company) -> list[str]:
    made = []
    tenant = Tenant.objects.filter(schema_name=company.slug).first()
    if tenant is None:
        tenant = tenant_create(slug=company.slug, name=company.name)
        made.append(f"tenant {company.slug}")
    for email, name, role in company.people:
        if not User.objects.filter(email=email).exists():
            person_add(tenant=tenant, email=email, role=role, name=name, password=PASSWORD)
            made.append(f"{role} {email}")
    made += _owner_seed(tenant, company.people[0][0])
    with tenant_context(tenant):
        made += _reception_seed(company)
        agent = agent_by_slug(SLUG)
        made += desk_seed(company.name, agent) if agent else []
        made += knowledge_seed() if company.slug == "acme" else []
    return made


def _owner_seed(tenant: Tenant, email: str) -> list[str]:
    """Earlier seeds made no owners; a company that has found its own keeps them."""
    first = tenant.memberships.filter(user__email=email).first()
    if first is None or tenant.memberships.filter(role=Role.OWNER).exists():
        return []
    person_add(tenant=tenant, email=email, role=Role.OWNER)
    return [f"{email} owns {tenant.schema_name}"]


def _reception_seed(company: Company) -> list[str]:
    """Make and publish Reception; one that nobody changed follows when the providers of the environment change."""
    agent = agent_by_slug(SLUG)
    config = reception_config(company)
    if agent is None:
        agent = agent_create(slug=SLUG, name="Reception", language="en", config=config)
        agent_publish(agent=agent)
        number_set(number=company.number, agent_id=agent.pk, label="Main line")
        return [f"agent {company.slug}/{SLUG}", f"number {company.number}"]
    published = agent.versions.filter(state="published").first()
    drafts = agent.versions.filter(state="draft").exists()
    if published is None or drafts or not _ours(published.config, company) or _same(published.config, config):
        return []
    agent_draft_save(agent=agent, config=config)
    agent_publish(agent=agent)
    return [f"agent {company.slug}/{SLUG} with other providers"]


def _ours(config: dict[str, Any], company: Company) -> bool:
    """Whether the words and the providers are still as some seed made them."""
    prompt = config.get("prompt", {})
    return bool(prompt.get("system") == company.system and config.get("tts", {}).get("voice") in ("", VOICE, "alloy"))


def _same(config: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether every value that the seed would set is set already."""
    return all(
        _same(config.get(name, {}), value) if isinstance(value, dict) else config.get(name) == value
        for name, value in wanted.items()
        if name != "tools"
    )


def reception_config(company: Company) -> dict[str, Any]:
    """Return Reception's configuration for the providers that the environment has."""
    prompt = {"system": company.system, "greeting": greeting(company.name)}
    return {"prompt": prompt, "handoff": {"team": TEAM, "phrases": PHRASES}, **_providers()}


def _providers() -> dict[str, Any]:
    chosen = agent_defaults(os.environ)
    if not os.environ.get("MERIDIAN_LOCAL_MODELS"):  # the local model cannot call tools
        chosen["tools"] = [{"kind": "builtin", "name": name} for name in ("end_call",) if name in tool_names()]
    return chosen
