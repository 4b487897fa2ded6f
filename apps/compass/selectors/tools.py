"""Reads of the tool library, of secrets' names, and of what the tenant has stored at providers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from apps.compass.models import AgentVersion, ProviderCredential, Tool, ToolSecret
from apps.compass.tools.offers import is_reference

LIVE = (AgentVersion.State.DRAFT, AgentVersion.State.PUBLISHED)
SHOWN = 4  # of a key's last characters
LONG_ENOUGH = 12  # a shorter key would be half told by four of its characters


def tools_all() -> QuerySet[Tool]:
    """The library by name."""
    return Tool.objects.all()


def agents_using(tool: Tool) -> list[str]:
    """The names of the agents whose draft or published version uses it, in alphabetical order."""
    return sorted(tools_used().get((tool.kind, tool.name), ()))


def tools_used() -> dict[tuple[str, str], set[str]]:
    """The agents' names by the kind and name of the library's tools that they use."""
    used: dict[tuple[str, str], set[str]] = {}
    for name, tools in AgentVersion.objects.filter(state__in=LIVE).values_list("agent__name", "config__tools"):
        for tool in tools or []:
            if is_reference(tool):
                used.setdefault((tool["kind"], tool["name"]), set()).add(name)
    return used


@dataclass(frozen=True)
class SecretRow:
    """A secret as people see it: its name, and the tools that use it."""

    name: str
    updated_at: datetime
    tools: list[str]


def secrets_listed() -> list[SecretRow]:
    """By name. No value is read."""
    needs = {tool.name: tool.secrets for tool in tools_all()}
    rows = ToolSecret.objects.order_by("name").values_list("name", "updated_at")
    return [SecretRow(name, at, [tool for tool, names in needs.items() if name in names]) for name, at in rows]


@dataclass(frozen=True)
class Account:
    """A provider as people see it: whose account is used, and the last characters of the tenant's own key."""

    provider: str
    own: bool
    ending: str = ""
    base_url: str = ""
    updated_at: datetime | None = None
    platform: bool = False


def accounts(providers: tuple[str, ...]) -> list[Account]:
    """One for each provider, in this order."""
    rows = {row.provider: row for row in ProviderCredential.objects.filter(provider__in=providers)}
    return [_account(provider, rows.get(provider)) for provider in providers]


def _account(provider: str, row: ProviderCredential | None) -> Account:
    platform = bool(settings.PROVIDER_DEFAULTS.get(provider, {}).get("api_key"))
    if row is None:
        return Account(provider, own=False, platform=platform)
    secret: dict[str, Any] = row.secret
    return Account(provider, True, _ending(secret["api_key"]), secret.get("base_url") or "", row.updated_at, platform)


def _ending(key: str) -> str:
    return key[-SHOWN:] if len(key) >= LONG_ENOUGH else ""
