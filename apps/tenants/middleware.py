"""Which tenant a request is for, and what the person may do there."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import set_urlconf
from django_tenants.middleware.main import TenantMainMiddleware
from django_tenants.utils import remove_www

from apps.core.schema import schema_leave
from apps.tenants import policy, suspension
from apps.tenants.hosts import host_of, is_platforms
from apps.tenants.models import Tenant
from apps.tenants.selectors import membership_of
from apps.tenants.staff import staff_refusal


class CompanySuspended(Exception):
    """The host is a company's that is served no more for now."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant.schema_name)
        self.tenant = tenant


class TenantMiddleware(TenantMainMiddleware):
    """The public host needs no look-up, so webhooks cost none; a tenant's host enters its schema."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        request.suspended = None  # type: ignore[attr-defined]
        if host_of(request) in settings.PUBLIC_HOSTS:
            return self._without_tenant(request, settings.PUBLIC_SCHEMA_URLCONF)
        try:
            return super().process_request(request)
        except CompanySuspended as error:
            request.suspended = error.tenant  # type: ignore[attr-defined]
            return self._without_tenant(request, suspension.URLCONF)

    @staticmethod
    def _without_tenant(request: HttpRequest, urlconf: str) -> None:
        schema_leave()
        request.tenant = None  # type: ignore[attr-defined]
        request.urlconf = urlconf  # type: ignore[attr-defined]
        set_urlconf(urlconf)

    @staticmethod
    def hostname_from_request(request: HttpRequest) -> str:
        """A company's own name counts as it is proven, its www included."""
        host = host_of(request)
        return remove_www(host) if is_platforms(host) else host

    def get_tenant(self, domain_model: type, hostname: str) -> Tenant:
        tenant: Tenant = super().get_tenant(domain_model, hostname)
        if tenant.status == Tenant.Status.SUSPENDED:
            raise CompanySuspended(tenant)
        if tenant.status != Tenant.Status.ACTIVE:
            raise Http404("This company is no more.")
        return tenant


class MembershipMiddleware:
    """Sets request.membership: the person's role at this tenant, or None; holds members to the tenant's security policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant = getattr(request, "tenant", None)
        known = tenant is not None and request.user.is_authenticated and not policy.session_foreign(request.session, tenant)
        request.membership = membership_of(request.user, tenant) if known else None  # type: ignore[attr-defined,arg-type]
        if request.membership is None and policy.session_by_provider(request.session):  # type: ignore[attr-defined]
            request.user = AnonymousUser()  # copied to another host, or no longer one of the company's people
        refused = policy.refusal(request) if request.membership else None  # type: ignore[attr-defined]
        if tenant is None and request.suspended is None:  # type: ignore[attr-defined]
            refused = staff_refusal(request)
        return refused or self.get_response(request)
