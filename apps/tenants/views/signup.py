"""Sign-up on the public host: a company on its own schema, and the person who owns it."""

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import consume
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.errors import PermanentError
from apps.tenants.forms import SignupForm
from apps.tenants.login import ticket_url
from apps.tenants.models import User
from apps.tenants.places import place_of
from apps.tenants.policy import signup_open
from apps.tenants.selectors import slug_problem
from apps.tenants.services import LogInExists, company_create


@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    """Lands the new owner, logged in, on the company's own host."""
    _open_or_404()
    if not ratelimit.consume(request, action="company_signup_try"):
        return _too_often(request)
    form = SignupForm(request.POST or None)
    if form.is_valid():
        if not ratelimit.consume(request, action="company_signup"):
            form.add_error(None, _("There were many sign-ups from your network just now. Try again in an hour."))
        elif user := _made(form, request.headers.get("Accept-Language", "")):
            membership = user.memberships.select_related("tenant").get()
            record_authentication(request, user, method="password", email=user.email)
            _ask_to_confirm(request, user)
            return HttpResponseRedirect(ticket_url(request, user, membership.tenant))
    return render(request, "tenants/signup.html", {"form": form}, status=422 if form.errors else 200)


def _too_often(request: HttpRequest) -> HttpResponse:
    """What was typed stays, unchecked: the form's errors would tell which addresses are known."""
    typed = {name: request.POST.get(name, "") for name in ("company", "slug", "name", "email", "timezone")}
    refused = _("The form was sent many times from your network just now. Try again in an hour.")
    return render(request, "tenants/signup.html", {"form": SignupForm(initial=typed), "refused": refused}, status=429)


def _made(form: SignupForm, languages: str) -> User | None:
    given = form.cleaned_data
    try:
        return company_create(
            slug=given["slug"],
            name=given["company"],
            email=given["email"],
            person=given["name"],
            password=given["password"],
            place=place_of(timezone=str(given["timezone"] or ""), languages=languages),
        )
    except PermanentError as error:  # somebody else was quicker
        form.add_error("email" if isinstance(error, LogInExists) else "slug", str(error))
        return None


def _ask_to_confirm(request: HttpRequest, user: User) -> None:
    """By a link in a mail. Nothing waits for it."""
    address = EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    send_verification_email_to_address(request, address, signup=True)


@require_GET
def signup_address(request: HttpRequest) -> HttpResponse:
    """While a company's name is typed: the address made of it (`company`), or whether one (`slug`) is free."""
    _open_or_404()
    if not consume(request, app="allauth.account", action="company_address", limit_get=True):
        return JsonResponse({"problem": _("Too many questions at once. Wait a minute.")}, status=429)
    slug = request.GET.get("slug", "").strip().lower() or slug_of(request.GET.get("company", ""))
    return JsonResponse({"slug": slug, "problem": slug_problem(slug)})


def slug_of(company: str) -> str:
    """An address that a name suggests, such as nordwindlogistics for “Nordwind Logistics”."""
    return slugify(company).replace("-", "").replace("_", "").lstrip("0123456789")[:31]


def _open_or_404() -> None:
    if not signup_open():
        raise Http404("Sign-up is switched off here. Ask whoever runs this installation for a company.")
