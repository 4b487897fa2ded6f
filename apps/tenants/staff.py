"""The platform's staff: who may open the pages that run the whole installation."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

PATHS = ("/staff/", "/admin/")
HOME = "/staff/"
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
View = Callable[..., HttpResponse]


def staff_required(view: View) -> View:
    """Lets staff in who logged in at the public host. For everybody else who is logged in there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.tenant is not None:  # type: ignore[attr-defined]
            raise Http404
        if not request.user.is_authenticated or request.session.get("tenant"):
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def staff_refusal(request: HttpRequest) -> HttpResponse | None:
    """What staff are told instead of the page while the installation asks for a second factor and they have none."""
    if not settings.STAFF_MFA_REQUIRED or not request.path.startswith(PATHS) or not request.user.is_authenticated:
        return None
    if not request.user.is_staff or _has_factor(request):
        return None
    messages.warning(request, _("Platform staff need a second factor. Set one up here to go on."))
    return redirect("mfa_index")


def _has_factor(request: HttpRequest) -> bool:
    """Asked of the database until the answer is yes."""
    if not request.session.get("factor"):
        if not Authenticator.objects.filter(user=request.user, type__in=FACTORS).exists():
            return False
        request.session["factor"] = True
    return True
