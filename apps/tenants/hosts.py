"""Which host names are answered: the platform's, which the settings name, and those that companies have proven to be theirs."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.views.decorators.http import require_GET
from django_tenants.utils import remove_www

from apps.core.schema import schema_leave
from apps.tenants.models import CustomDomain, Domain, Tenant

TEXT = "text/plain; charset=utf-8"


def host_of(request: HttpRequest) -> str:
    """Without port, in small letters. Raises DisallowedHost for what is no host name."""
    return split_domain_port(request.get_host())[0]


def address_at(host: str, path: str = "") -> str:
    """A page at a company's host name, reached by the scheme and the port of PUBLIC_URL. For mails, which have no request."""
    public = urlsplit(settings.PUBLIC_URL)
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{host}{port}{path}"


def is_platforms(host: str) -> bool:
    """Whether it is the public host, or one below it."""
    return validate_host(host, settings.PLATFORM_HOSTS)


def is_served(host: str) -> bool:
    """Whether it is a host name that a company of this installation has proven to be its own."""
    return Domain.objects.filter(domain=host).exists()


class HostMiddleware:
    """In place of ALLOWED_HOSTS, which is a fixed list. Comes before everything that writes addresses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            host = host_of(request)
        except DisallowedHost:
            return _unknown()
        if is_platforms(host):
            return self.get_response(request)
        schema_leave()
        if not is_served(host):
            return _unknown()
        return _of_its_own(self.get_response(request))


def _unknown() -> HttpResponse:
    return HttpResponse("No company is served under this host name.", status=400, content_type=TEXT)


def _of_its_own(answer: HttpResponse) -> HttpResponse:
    """What is below a company's host name is not Meridian's to decide."""
    if "Strict-Transport-Security" in answer:
        answer["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return answer


@require_GET
def domain_allowed(request: HttpRequest) -> HttpResponse:
    """For a proxy that gets certificates as they are needed: 200 for a `domain` that is served here, else 404."""
    host = request.GET.get("domain", "").lower()
    if host.isprintable() and (host in settings.PUBLIC_HOSTS or is_served(remove_www(host) if is_platforms(host) else host)):
        return HttpResponse("This host name is served.", content_type=TEXT)
    return HttpResponse("This host name is not served.", status=404, content_type=TEXT)


@require_GET
def well_known(request: HttpRequest) -> HttpResponse:
    """By which a proven host name shows that it leads here."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    row = CustomDomain.objects.filter(tenant=tenant, domain=host_of(request), verified_at__isnull=False).first()
    if row is None:
        raise Http404("There is no such host name here.")
    return HttpResponse(row.token, content_type=TEXT)
