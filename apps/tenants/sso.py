"""A log-in by the company's provider: what the browser's session remembers of it, and the session that comes of it.

Everything is bound to the company whose host it began on: the session, the state in it, the address that the provider
returns to, and the log-in, which counts at this host only and opens nothing of the person's other companies.
"""

import hmac
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.tenants.login import log_in
from apps.tenants.models import Tenant
from apps.tenants.models_sso import SingleSignOn
from apps.tenants.oidc import SsoError, authorization_url, code_exchange, provider_of
from apps.tenants.oidc_tokens import proven_by
from apps.tenants.policy import SSO_MARK
from apps.tenants.services_sso import sso_admit

log = structlog.get_logger(__name__)
FLOWS = "sso_flows"
AT_ONCE = 5  # windows in which one browser is logging in
LASTS = 600  # seconds


@dataclass(frozen=True)
class Flow:
    """One log-in that was begun."""

    tenant: str
    provider: str
    issuer: str
    nonce: str
    verifier: str
    redirect_uri: str
    next: str
    began: int


def sso_of(tenant: Tenant | None) -> SingleSignOn | None:
    """The company's single sign-on, where one can log in by it."""
    row = SingleSignOn.objects.select_related("tenant").filter(tenant=tenant).first() if tenant else None
    return row if row is not None and row.is_open else None


def flow_begin(request: HttpRequest, sso: SingleSignOn, target: str) -> str:
    """Where the browser is sent; `target` is where the person goes on to in the end. Raises SsoError."""
    provider = provider_of(sso)
    state = secrets.token_urlsafe(32)
    flow = Flow(
        tenant=sso.tenant.schema_name,
        provider=str(sso.pk),
        issuer=provider.issuer,
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
        redirect_uri=request.build_absolute_uri(reverse("sso-callback")),
        next=target,
        began=int(time.time()),
    )
    kept = list(request.session.get(FLOWS, {}).items())[-(AT_ONCE - 1) :]
    request.session[FLOWS] = {**dict(kept), state: asdict(flow)}
    return authorization_url(sso, provider, redirect_uri=flow.redirect_uri, state=state, nonce=flow.nonce, verifier=flow.verifier)


def flow_finish(request: HttpRequest, sso: SingleSignOn) -> str:
    """Logs in whom the provider has named, and returns where they go on to. Raises SsoError; the state is spent either way."""
    query = request.GET
    flow = _flow_spend(request, query.get("state", ""))
    if flow is None or flow.tenant != sso.tenant.schema_name or flow.provider != str(sso.pk):
        raise SsoError(_("This log-in is over, or was begun in another window. Start again."))
    provider = provider_of(sso)
    if flow.issuer != provider.issuer or query.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
        raise SsoError(_("The answer came from another provider than the one that was asked. Start again."))
    if "error" in query or not query.get("code"):
        raise SsoError(_said(query.get("error", "")))
    tokens = code_exchange(sso, provider, code=query["code"], redirect_uri=flow.redirect_uri, verifier=flow.verifier)
    proven = proven_by(sso, provider, tokens, nonce=flow.nonce)
    user = sso_admit(sso=sso, proven=proven)
    log_in(request, user, [])  # nothing that a change of the password or of a factor would take for a proof
    request.session[SSO_MARK] = str(sso.pk)
    log.info("sso_login", user=str(user.pk))
    return flow.next


def _flow_spend(request: HttpRequest, state: str) -> Flow | None:
    """The log-in that this browser began with that state, once and within ten minutes."""
    flows: dict[str, Any] = request.session.get(FLOWS, {})
    found = next((one for one in flows if hmac.compare_digest(one.encode(), state.encode())), None)
    if found is None:
        return None
    flow = Flow(**flows.pop(found))
    request.session[FLOWS] = flows
    return flow if time.time() - flow.began <= LASTS else None


def _said(code: str) -> str:
    if code == "access_denied":
        return _("The provider did not let you in, or you changed your mind.")
    shown = code if code.isidentifier() and len(code) <= 60 else "no code"
    return _("The provider broke the log-in off (%(code)s). Start again.") % {"code": shown}
