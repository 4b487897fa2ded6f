"""What an ID token proves: signed by this provider, for this client and this very log-in, about a person whose address is theirs.

ID token validation: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from django.utils.translation import gettext as _

from apps.tenants.models_sso import SingleSignOn
from apps.tenants.oidc import Provider, SsoError, Tokens, keys_of, userinfo

# Only those with a public key: a token signed with what both sides know, or not at all, proves nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 60  # seconds that two clocks may differ
NEEDED = ["exp", "iat", "iss", "aud", "sub"]
ENTRA = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
GOOGLE = "accounts.google.com"


@dataclass(frozen=True)
class Proven:
    """Who has logged in at the provider; the address is theirs and in a domain of the company."""

    issuer: str
    subject: str
    email: str
    name: str


def proven_by(sso: SingleSignOn, provider: Provider, tokens: Tokens, *, nonce: str) -> Proven:
    """Raises SsoError for whatever does not fit."""
    claims = id_token_read(sso, provider, tokens.id_token, nonce=nonce)
    if not claims.get("email") and provider.userinfo_endpoint and tokens.access_token:
        more = userinfo(provider, tokens)
        if more.get("sub") == claims["sub"]:  # as Core 5.3.2 asks
            claims = {**more, **claims}
    return _person(sso, provider, claims)


def id_token_read(sso: SingleSignOn, provider: Provider, token: str, *, nonce: str) -> dict[str, Any]:
    """The claims of a token that is signed, current, meant for this client and made for this log-in. Raises SsoError."""
    try:
        key = _key_for(sso, provider, token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=sso.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY,
            options={"require": NEEDED},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SsoError(_broken(error)) from error
    _fits(claims, sso.client_id, nonce)
    return claims


def _broken(error: Exception) -> str:
    if isinstance(error, jwt.ExpiredSignatureError | jwt.ImmatureSignatureError):
        return _("The log-in is over, or the clocks of the two sides differ. Start again.")
    if isinstance(error, jwt.InvalidIssuerError | jwt.InvalidAudienceError):
        return _("The provider's answer is meant for somebody else. Whoever set it up has to check the issuer and the client ID.")
    return _("The provider's answer is not signed in a way that can be trusted. Start again.")


def _fits(claims: dict[str, Any], client_id: str, nonce: str) -> None:
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise SsoError(_("This log-in was begun somewhere else. Start again."))
    audience = claims["aud"]
    parties = {claims.get("azp", client_id)}
    if isinstance(audience, list) and len(audience) > 1:
        parties = {claims.get("azp")}
    if parties != {client_id}:
        raise SsoError(_("The provider's answer is meant for another program."))
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise SsoError(_("The provider does not say who has logged in."))


def _key_for(sso: SingleSignOn, provider: Provider, token: str) -> Any:
    """The key that the token names; an unknown one may be new, so the keys are asked for again."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("An algorithm that proves nothing.")
    for anew in (False, True):
        if found := key_pick(keys_of(sso, provider, anew=anew), header.get("kid")):
            return found.key
    raise jwt.InvalidKeyError("Signed with a key that the provider does not show.")


def key_pick(document: dict[str, Any], kid: Any) -> jwt.PyJWK | None:
    """The signing key of that id; without an id, the only one there is."""
    found = [key for key in signing_keys(document) if kid is None or key.key_id == kid]
    return found[0] if len(found) == 1 or (found and kid is not None) else None


def signing_keys(document: dict[str, Any]) -> list[jwt.PyJWK]:
    """Those that sign, and that can be read. A symmetric one is none."""
    listed = document.get("keys")
    made = []
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            made.append(jwt.PyJWK(one))
        except (jwt.PyJWTError, ValueError, TypeError):
            continue  # of a kind that is not known here
    return made


def _person(sso: SingleSignOn, provider: Provider, claims: dict[str, Any]) -> Proven:
    email = claims.get("email")
    if not isinstance(email, str) or email.count("@") != 1 or len(email) > 254 or not email.isprintable():
        raise SsoError(_("The provider does not tell your e-mail address. The client there has to be allowed the scope “email”."))
    if not _verified(provider, claims):
        raise SsoError(_("The provider has not verified your e-mail address, so it proves nothing. Ask whoever runs it."))
    email = email.strip().lower()
    domain = email.rpartition("@")[2]
    hosted = claims.get("hd") if urlsplit(provider.issuer).hostname == GOOGLE else domain
    if domain not in sso.domains or hosted not in sso.domains:
        raise SsoError(_("Addresses at %(domain)s cannot log in here. Use the one of your company.") % {"domain": domain})
    name = claims.get("name")
    return Proven(provider.issuer, claims["sub"], email, name[:120].strip() if isinstance(name, str) else "")


def _verified(provider: Provider, claims: dict[str, Any]) -> bool:
    """Entra says it by the optional claim xms_edov, all others by email_verified."""
    if claims.get("email_verified") in (True, "true"):
        return True
    return urlsplit(provider.issuer).hostname in ENTRA and claims.get("xms_edov") in (True, "true", 1, "1")
