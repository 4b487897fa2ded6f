"""OpenID Connect as a relying party: what a provider says of itself, where a browser is sent, and what a code is worth.

Discovery: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
Authorization code flow: https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth, with PKCE (RFC 7636).
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.core.cache import cache
from django.utils.translation import gettext as _

from apps.core.errors import MeridianError
from apps.tenants.models_sso import SingleSignOn
from apps.tenants.outside import Ask, OutsideError, Reply, fetch, is_address

WELL_KNOWN = "/.well-known/openid-configuration"
KEPT = 600  # seconds that what a provider says of itself is remembered
SCOPE = "openid email profile"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class SsoError(MeridianError):
    """Why somebody cannot log in this way, as a sentence for them."""


@dataclass(frozen=True)
class Provider:
    """What a provider's discovery document says, as far as a log-in needs it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    auth_method: str


@dataclass(frozen=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str
    access_token: str


def provider_of(sso: SingleSignOn) -> Provider:
    """Remembered for ten minutes, for this tenant only. Raises SsoError where it cannot be had or is not right."""
    key = _key(sso, "discovery")
    document = cache.get(key)
    if document is None:
        document = discovery(sso.issuer)
        cache.set(key, document, KEPT)
    return provider_read(sso.issuer, document)


def forget(sso: SingleSignOn) -> None:
    """What is remembered of a provider, before it is checked again."""
    cache.delete_many([_key(sso, "discovery"), _key(sso, "keys")])


def discovery(issuer: str) -> dict[str, Any]:
    """The provider's own description. Raises SsoError saying what is wrong with the address."""
    url = issuer.rstrip("/") + WELL_KNOWN
    if not is_address(url):
        raise SsoError(_("The issuer has to be an address that begins with https://, such as https://login.example.com."))
    try:
        reply = fetch(Ask(url))
    except OutsideError as error:
        raise SsoError(_("%(url)s gave no answer: %(why)s") % {"url": url, "why": error}) from error
    if reply.status in (301, 302, 303, 307, 308):
        raise SsoError(_("%(url)s leads on to another address. Enter the issuer as the provider names it.") % {"url": url})
    if reply.status != 200:
        words = _("%(url)s answered %(status)d. Check the issuer: it is the address before /.well-known/.")
        raise SsoError(words % {"url": url, "status": reply.status})
    try:
        return reply.json()
    except OutsideError as error:
        raise SsoError(_("%(url)s is a page and no description of a provider. Check the issuer.") % {"url": url}) from error


def provider_read(issuer: str, document: dict[str, Any]) -> Provider:
    """Raises SsoError for another issuer's document and for one that lacks what a log-in needs."""
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        words = _("The provider calls itself %(named)s, and not %(issuer)s. Enter the issuer exactly as it calls itself.")
        raise SsoError(words % {"named": str(named)[:200], "issuer": issuer})
    for name in ENDPOINTS:
        if not is_address(document.get(name)):
            raise SsoError(_("The provider's description has no usable %(name)s.") % {"name": name})
    more = document.get("userinfo_endpoint")
    return Provider(
        issuer=named,
        authorization_endpoint=document["authorization_endpoint"],
        token_endpoint=document["token_endpoint"],
        jwks_uri=document["jwks_uri"],
        userinfo_endpoint=str(more) if is_address(more) else "",
        auth_method=_auth_method(document.get("token_endpoint_auth_methods_supported")),
    )


def _auth_method(offered: Any) -> str:
    """Basic is what a provider that says nothing takes."""
    known = ("client_secret_basic", "client_secret_post")
    return next((name for name in known if name in (offered or known)), "")


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_url(sso: SingleSignOn, provider: Provider, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
    """Where the browser is sent to log in."""
    query = {
        "response_type": "code",
        "client_id": sso.client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{provider.authorization_endpoint}{'&' if '?' in provider.authorization_endpoint else '?'}{urlencode(query)}"


def code_exchange(sso: SingleSignOn, provider: Provider, *, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """Asks the provider itself what a code stands for. Raises SsoError."""
    reply = token_ask(sso, provider, code=code, redirect_uri=redirect_uri, verifier=verifier)
    if reply.status != 200:
        words = _("The provider did not accept the log-in (%(why)s). Start again; if it stays so, tell whoever set it up.")
        raise SsoError(words % {"why": error_of(reply) or reply.status})
    try:
        found = reply.json()
    except OutsideError as error:
        raise SsoError(_("The provider answered with something that is no log-in. Start again.")) from error
    id_token, access_token = found.get("id_token"), found.get("access_token", "")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise SsoError(_("The provider gave no ID token. The client there has to be allowed the scope “openid”."))
    return Tokens(id_token, access_token)


def token_ask(sso: SingleSignOn, provider: Provider, *, code: str, redirect_uri: str, verifier: str) -> Reply:
    """The exchange itself (RFC 6749, 4.1.3). Raises SsoError when no answer comes."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if provider.auth_method == "client_secret_post":
        form |= {"client_id": sso.client_id, "client_secret": sso.secret_read()}
    else:
        pair = f"{quote_plus(sso.client_id)}:{quote_plus(sso.secret_read())}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    return _ask(Ask(provider.token_endpoint, "POST", tuple(headers), urlencode(form).encode()))


def userinfo(provider: Provider, tokens: Tokens) -> dict[str, Any]:
    """More about the person, from providers whose ID tokens are thin. Raises SsoError."""
    reply = _ask(Ask(provider.userinfo_endpoint, headers=(("Authorization", f"Bearer {tokens.access_token}"),)))
    try:
        return reply.json() if reply.status == 200 else {}
    except OutsideError:
        return {}


def keys_of(sso: SingleSignOn, provider: Provider, *, anew: bool = False) -> dict[str, Any]:
    """The provider's signing keys (RFC 7517); `anew` asks again, twice a minute at most. Raises SsoError."""
    key = _key(sso, "keys")
    found = cache.get(key)
    if found is None or (anew and cache.add(f"{key}:anew", 1, 30)):
        found = keys_fetch(provider)
        cache.set(key, found, KEPT)
    return dict(found)


def keys_fetch(provider: Provider) -> dict[str, Any]:
    """Raises SsoError."""
    try:
        return _ask(Ask(provider.jwks_uri)).json()
    except OutsideError as error:
        raise SsoError(_("The provider's signing keys cannot be read.")) from error


def error_of(reply: Reply) -> str:
    """OAuth's code of an error answer, such as invalid_client, or nothing."""
    try:
        code = reply.json().get("error", "")
    except OutsideError:
        return ""
    return code[:60] if isinstance(code, str) and code.isprintable() else ""


def _ask(ask: Ask) -> Reply:
    try:
        return fetch(ask)
    except OutsideError as error:
        raise SsoError(_("The provider gave no answer: %(why)s Try again in a minute.") % {"why": error}) from error


def _key(sso: SingleSignOn, what: str) -> str:
    """Another issuer is another entry, and another tenant, too."""
    return f"sso:{what}:{hashlib.sha256(f'{sso.pk}|{sso.issuer}'.encode()).hexdigest()}"
