"""What somebody has written of an agent is neither thrown away unasked nor lost with a page that refuses."""

import re

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import Agent
from apps.compass.services import agent_draft_save, agent_publish
from apps.tenants.models import Tenant
from tests.addresses import at
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    """Two published versions."""
    with tenant_context(acme):
        agent = agent_published()
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Two."}})
        agent_publish(agent=agent)
    return agent


def test_restoring_asks_only_where_it_replaces_a_draft(admin: Client, acme: Tenant, agent: Agent) -> None:
    pages = (at("agent-history", agent.slug), at("agent-version", agent.slug, 1))
    for page in pages:
        assert "restore-1" not in admin.get(page).content.decode()
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Three."}})
    for page in pages:
        shown = admin.get(page).content.decode()
        dialog = shown[shown.index('id="restore-1"') :]
        assert 'data-opens="#restore-1"' in shown and shown.count(at("agent-restore", agent.slug, 1)) == 1
        assert at("agent-restore", agent.slug, 1) in dialog and "Keep the draft" in dialog


def test_discarding_asks(admin: Client, acme: Tenant, agent: Agent) -> None:
    assert 'id="discard"' not in admin.get(at("agent", agent.slug)).content.decode()
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Three."}})
    shown = admin.get(at("agent", agent.slug)).content.decode()
    assert 'data-opens="#discard"' in shown and shown.count(at("agent-discard", agent.slug)) == 1
    assert shown.index('id="discard"') < shown.index(at("agent-discard", agent.slug))
    assert "Callers hear version 2, as now." in shown


def test_a_note_stays_where_publishing_is_refused(admin: Client, acme: Tenant, agent: Agent) -> None:
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Three."}})
    answer = admin.post(at("agent-publish", agent.slug), {"base": "9.9.gone", "note": "Opens at “nine”"})
    assert answer.status_code == 409
    assert 'value="Opens at “nine”"' in answer.content.decode()


def test_the_chosen_template_stays_where_the_name_is_missing(admin: Client) -> None:
    chosen = re.compile(r'name="starter"\s+value="(\w*)"\s+checked')
    assert chosen.findall(admin.get(at("agent-new")).content.decode()) == ["receptionist"]
    for starter in ("survey", ""):
        answer = admin.post(at("agent-new"), {"name": "", "starter": starter, "language": "en"})
        assert (answer.status_code, chosen.findall(answer.content.decode())) == (422, [starter])
