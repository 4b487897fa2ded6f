"""Asking a provider whether a key works, in words that say what is wrong. Connections go through the guarded client.

OpenAI: https://platform.openai.com/docs/api-reference/models/list
Deepgram: https://developers.deepgram.com/reference/manage/projects/list
ElevenLabs: https://elevenlabs.io/docs/api-reference/user/get
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from apps.compass.client import Answer, Call, RequestFailed, request, request_trusted
from apps.compass.guard import Blocked

TIMEOUT = 8.0  # seconds


@dataclass(frozen=True)
class Probe:
    """Where a provider tells who the key belongs to."""

    base_url: str
    path: str
    header: str
    prefix: str = ""


PROBES = {
    "openai": Probe("https://api.openai.com/v1", "/models", "Authorization", "Bearer "),
    "deepgram": Probe("https://api.deepgram.com", "/v1/projects", "Authorization", "Token "),
    "elevenlabs": Probe("https://api.elevenlabs.io", "/v1/user", "xi-api-key"),
}


@dataclass(frozen=True)
class Verdict:
    """Whether the key works, and a sentence."""

    ok: bool
    text: str


def provider_check(*, provider: str, api_key: str, base_url: str | None) -> Verdict:
    """Really asks the provider. An address of the installation's own operator may lie in a private network."""
    probe = PROBES[provider]
    call = Call("GET", _address(probe, base_url), {probe.header: probe.prefix + api_key}, None)
    trusted = bool(base_url) and base_url == settings.PROVIDER_DEFAULTS.get(provider, {}).get("base_url")
    try:
        answer = (request_trusted if trusted else request)(call, timeout=TIMEOUT)
    except Blocked:
        return Verdict(False, _("The address leads into a network that tenants may not reach. Use a public one."))
    except RequestFailed as error:
        return Verdict(
            False, _("No answer: %(why)s Check the address and whether this server reaches the internet.") % {"why": error}
        )
    return _verdict(answer)


def _address(probe: Probe, base_url: str | None) -> str:
    base = (base_url or probe.base_url).rstrip("/")
    scheme = {"ws": "http", "wss": "https"}.get(urlsplit(base).scheme)
    base = f"{scheme}{base[base.index(':') :]}" if scheme else base
    path = probe.path.removeprefix("/v1") if base.endswith("/v1") else probe.path
    return base + path


def _verdict(answer: Answer) -> Verdict:
    status = answer.status
    if 200 <= status < 300:
        return _usable(answer)
    if status in (401, 403):
        return Verdict(False, _("The provider does not accept this key. Copy it anew from the provider's own page."))
    if status in (402, 429):
        return Verdict(False, _("The key is right, but its account has no quota left or is asked too often."))
    if status in (404, 405):
        return Verdict(False, _("The address is wrong: there is something, but not this provider. Check it, or leave it empty."))
    if status >= 500:
        return Verdict(
            False, _("The provider has trouble of its own (it answered %(status)d). Try again later.") % {"status": status}
        )
    return Verdict(False, _("The provider answered %(status)d, which Meridian does not know.") % {"status": status})


def _usable(answer: Answer) -> Verdict:
    if "json" in answer.headers.get("content-type", ""):
        return Verdict(True, _("The key works."))
    return Verdict(False, _("The address is wrong: what answers is a web page and not this provider."))
