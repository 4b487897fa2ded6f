"""Every write to the tenant's own provider accounts and tool secrets."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from apps.compass.guard import Blocked, Unresolved, addresses_of
from apps.compass.headers import header_sendable
from apps.compass.models import ProviderCredential, Tool, ToolSecret
from apps.compass.provider_checks import Verdict, provider_check
from apps.core.errors import PermanentError

NAME = re.compile(r"^[A-Za-z0-9_]{1,64}$")
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
RESOLVE_SECONDS = 3.0
PROVIDERS = ("openai", "deepgram", "elevenlabs")


class BadKey(PermanentError):
    """Text that cannot be a provider's API key."""


class BadName(PermanentError):
    """Text that cannot be the name of a secret."""


def credential_set(*, provider: str, api_key: str, base_url: str | None = None) -> None:
    """Stores the tenant's own account at a provider, encrypted; it cannot be read back by people. Raises PermanentError."""
    if provider not in PROVIDERS:
        raise PermanentError(f"{provider} is not a provider here; there are {', '.join(PROVIDERS)}.")
    _key_check(provider, api_key.strip())
    if base_url:
        _base_url_check(provider, base_url)
    secret = {"api_key": api_key.strip(), "base_url": base_url or None}
    ProviderCredential.objects.update_or_create(provider=provider, defaults={"secret": secret})


def _key_check(provider: str, key: str) -> None:
    if not key:
        raise BadKey(f"The API key for {provider} is empty.")
    if not header_sendable(key):
        raise BadKey(f"The API key for {provider} has characters that no key has. Copy it anew from {provider}'s own page.")


def _base_url_check(provider: str, base_url: str) -> None:
    """A tenant's own address is held against the guard of the tools; the installation's is its operator's affair."""
    if base_url == settings.PROVIDER_DEFAULTS.get(provider, {}).get("base_url"):
        return
    host, port = _host_and_port(provider, base_url)
    try:
        addresses_of(host, port, timeout=RESOLVE_SECONDS)
    except Unresolved as error:
        raise PermanentError(f"“{base_url}” cannot be stored: {error} Check its spelling, or try again in a minute.") from error
    except Blocked as error:
        raise PermanentError(
            f"“{base_url}” leads into a network that tenants may not reach. Use a public address; whoever runs this "
            "installation can allow the network in TOOL_ALLOWED_NETWORKS."
        ) from error


def _host_and_port(provider: str, base_url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(base_url)
        if parts.hostname:
            return parts.hostname, parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        pass
    raise PermanentError(f"“{base_url}” is not an address; leave it empty for {provider}'s own.")


def credential_delete(*, provider: str) -> None:
    """Forgets the tenant's own account; the platform's is used from now on, where there is one."""
    ProviderCredential.objects.filter(provider=provider).delete()


def secret_set(*, name: str, value: str) -> None:
    """Stores a value that tools' headers name as {secret:NAME}, encrypted. Raises BadName, PermanentError (value)."""
    if not NAME.match(name):
        raise BadName("The name of a secret has letters without accents, digits and underscores only, 64 at most.")
    if not value or not header_sendable(value):
        raise PermanentError(
            "A secret is sent in a header: it has plain letters, digits and signs only, in one line. Copy it anew."
        )
    ToolSecret.objects.update_or_create(name=name, defaults={"value": value})


def credential_check(*, provider: str) -> Verdict:
    """Asks the provider whether the account in use works: the tenant's own, else the platform's. Raises PermanentError."""
    row = ProviderCredential.objects.filter(provider=provider).first()
    found = row.secret if row else settings.PROVIDER_DEFAULTS.get(provider, {})
    key = found.get("api_key")
    if provider not in PROVIDERS or not key:
        raise PermanentError(f"There is no API key for {provider} to check. Enter one first.")
    _key_check(provider, key)
    return provider_check(provider=provider, api_key=key, base_url=found.get("base_url"))


def secret_delete(*, name: str) -> None:
    """Forgets a secret. Raises PermanentError naming the tools that use it."""
    users = [tool.name for tool in Tool.objects.all() if name in tool.secrets]
    if users:
        raise PermanentError(f"{name} is used by {', '.join(users)}. Take it out of there first.")
    ToolSecret.objects.filter(name=name).delete()
