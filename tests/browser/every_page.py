"""Every page of a company's host by the name of its route, who may see it, and a company in which each is there."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.calls.models import SipTrunk
from apps.calls.services.numbers import number_set
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.services import agent_draft_save, agent_publish, secret_set
from apps.compass.services.checks import run_begin, scenario_save
from apps.compass.services.knowledge import document_upload
from apps.compass.services.tools import tool_create
from apps.compass.services.webhooks import endpoint_create, webhook_test
from apps.desktop.services.canned import canned_set
from apps.desktop.services.team import team_create
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant
from apps.whatsapp.services.numbers import mapping_set
from tests.compass.factories import LOCAL, agent_published
from tests.pages.factories import bill, call_make, talk_make

EVERYONE = frozenset(Role)
OWNERS = frozenset({Role.OWNER})
ADMINS = OWNERS | {Role.ADMIN}
MANAGERS = ADMINS | {Role.SUPERVISOR}
MONEY = ADMINS | {Role.FINANCE}
DESK = EVERYONE - {Role.FINANCE}

PAGES: dict[str, frozenset[Role]] = {
    "dashboard": EVERYONE,
    "calls": EVERYONE,
    "call": EVERYONE,
    "desktop": DESK,
    **dict.fromkeys(("agents", "agent", "agent-history", "agent-version", "agent-checks", "agent-checks-result"), MANAGERS),
    **dict.fromkeys(("agent-new", "agent-publish", "agent-check-new", "agent-check-edit"), ADMINS),
    **dict.fromkeys(("knowledge", "knowledge-document", "tools", "numbers", "trunk"), MANAGERS),
    **dict.fromkeys(("tool-new", "tool-edit", "mcp-new", "mcp-edit"), ADMINS),
    **dict.fromkeys(("providers", "provider-edit", "secret-new", "secret-edit"), ADMINS),
    **dict.fromkeys(("phone-number-new", "phone-number-edit", "trunk-new", "trunk-edit"), ADMINS),
    **dict.fromkeys(("whatsapp-number-new", "whatsapp-number-edit"), ADMINS),
    **dict.fromkeys(("teams", "team-new", "team-edit", "responses", "response-new", "response-edit"), MANAGERS),
    **dict.fromkeys(("api-keys", "api-key-new"), ADMINS),
    **dict.fromkeys(("webhooks", "webhook-new", "webhook", "webhook-edit", "webhook-delivery"), ADMINS),
    **dict.fromkeys(("people", "security", "company", "audit"), ADMINS),
    **dict.fromkeys(("single-sign-on", "domains"), OWNERS),
    **dict.fromkeys(("billing", "billing-limits", "billing-limit-new", "billing-entries", "billing-invoices"), MONEY),
    **dict.fromkeys(("billing-exports", "billing-plan", "billing-details"), MONEY),
    **dict.fromkeys(("account", "account_email", "mfa_index", "usersessions_list"), EVERYONE),
}
# Pages that need more than a company: an invoice, a conversation, a plan that changes, an entry of the ledger; and those that
# are opened before anybody is logged in, or after the password was asked again. Each is walked by a test of its own.
ELSEWHERE = {
    *("conversation", "billing-entry", "billing-invoice", "billing-limit", "billing-plan-change"),
    *("login", "join", "call-page", "account_inactive", "account_reauthenticate", "account_email_verification_sent"),
    *("account_confirm_email", "account_change_password", "account_set_password", "account_reset_password"),
    *("account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done"),
    *("mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes"),
    *("mfa_generate_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn"),
    *("mfa_edit_webauthn", "mfa_remove_webauthn"),
}
# Parts of pages, files, ways on to another address, and what scripts ask.
NO_PAGES = {
    *("agent-voices", "agent-voice-sample", "agent-models", "agent-export", "knowledge-search", "call-trial", "call-trial-turns"),
    *(
        "call-row",
        "trends",
        "trunk-check",
        "export-state",
        "export-file",
        "audit-csv",
        "desktop-bulk",
        "desktop-list",
        "attachment",
        "conversation-notice",
    ),
    *(
        "conversation-templates",
        "contact-same",
        "contact-same-as",
        "desktop-start-form",
        "service-worker",
        "billing-upcoming",
        "billing-export-file",
        "login-ticket",
        "logout",
    ),
    *("sso-begin", "sso-callback", "switch-tenant", "domain-well-known", "account_login", "account_logout", "account_signup"),
    *("mfa_download_recovery_codes", "mfa_login_webauthn", "set_language"),
}
Made = dict[str, dict[str, Any]]


def company_fill(acme: Tenant) -> Made:
    """Something of each kind, and by the name of a route what stands in its address. Inside acme's schema."""
    agent = agent_published()
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "You are Otto at {{company}}.\nBe brief."}})
    agent_publish(agent=agent, note="Otto it is")
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "You are Anna at {{company}}.\nBe brief."}})
    scenario = scenario_save(
        agent=agent,
        given=ScenarioIn.model_validate(
            {"name": "Hours", "lines": ["When do you open?"], "assertions": [{"kind": "contains", "value": "nine"}]}
        ),
    )
    run = run_begin(agent=agent)
    call = call_make(caller_name="Maria Gonzales", agent_id=agent.pk)
    talk_make(call)
    bill(call, acme)
    one, of = {"slug": agent.slug}, {"agent_id": agent.pk}
    return {
        **dict.fromkeys(("agent", "agent-publish", "agent-history"), one),
        **dict.fromkeys(("agent-checks", "agent-check-new"), of),
        "agent-version": {**one, "number": 2},
        "agent-check-edit": {**of, "scenario_id": scenario.pk},
        "agent-checks-result": {**of, "run_id": run.pk},
        "call": {"call_id": call.pk},
        **_tools_fill(),
        **_numbers_fill(agent.pk),
        **_settings_fill(acme),
    }


def _tools_fill() -> Made:
    secret_set(name="SHOP", value="a-secret-of-the-shop")
    call = {"method": "GET", "url": "https://shop.example/orders/{order_id}", "headers": {"X-Key": "{secret:SHOP}"}}
    parameters = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
    http = tool_create(name="order", kind="http", description="Finds it.", spec={"parameters": parameters, "http": call})
    found = [{"name": "find_customer", "description": "Finds a customer.", "parameters": {"type": "object", "properties": {}}}]
    mcp = tool_create(name="crm", kind="mcp", description="The CRM.", spec={"url": "https://crm.example/mcp", "tools": found})
    document = document_upload(file=SimpleUploadedFile("hours.md", b"# Opening hours\n\nNine to five."))
    return {
        "tool-edit": {"tool_id": http.pk},
        "mcp-edit": {"tool_id": mcp.pk},
        "provider-edit": {"provider": "openai"},
        "secret-edit": {"name": "SHOP"},
        "knowledge-document": {"document_id": document.pk},
    }


def _numbers_fill(agent_id: Any) -> Made:
    hours = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}
    phone = number_set(number="+12125550100", agent_id=agent_id, label="Front desk", business_hours=hours)
    chat = mapping_set(phone_number_id="1000000099", agent_id=agent_id, label="Shop", display_number="+12125550101")
    trunk = SipTrunk.objects.create(
        name="Head office", trunk_id="ST_1", rule_id="SDR_1", numbers=["+12125550100"], allowed_addresses=["203.0.113.7"]
    )
    return {
        "phone-number-edit": {"number_id": phone.pk},
        "whatsapp-number-edit": {"mapping_id": chat.pk},
        "trunk": {"trunk_id": trunk.pk},
        "trunk-edit": {"trunk_id": trunk.pk},
    }


def _settings_fill(acme: Tenant) -> Made:
    team = team_create(slug="support", name="Support")
    response = canned_set(shortcut="hello", title="Greeting", text="Hello {name}, how can I help?")
    endpoint, _secret = endpoint_create(url="https://93.184.215.14/hook", events=["call.ended"], description="CRM")
    delivery = webhook_test(endpoint=endpoint)
    api_key_create(tenant=acme, name="Shop", scopes=["calls:read"])
    hook = {"endpoint_id": endpoint.pk}
    return {
        "team-edit": {"team_id": team.pk},
        "response-edit": {"response_id": response.pk},
        "webhook": hook,
        "webhook-edit": hook,
        "webhook-delivery": {**hook, "delivery_id": delivery.pk},
    }


def page_path(name: str, made: Made) -> str:
    """The address of a page in a filled company."""
    return reverse(name, urlconf="config.urls_tenant", kwargs=made.get(name))
