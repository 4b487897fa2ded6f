"""A company's host names, those that serve it and those that are still to be proven."""

from dataclasses import dataclass

from apps.tenants.models import CustomDomain, Domain, Tenant


@dataclass(frozen=True)
class HostName:
    """A host name; `custom` is None for the platform's own."""

    domain: str
    is_primary: bool
    custom: CustomDomain | None

    @property
    def is_served(self) -> bool:
        return self.custom is None or self.custom.is_verified

    @property
    def dialog(self) -> str:
        """The id of the dialog that asks before it is removed."""
        return f"remove-{self.custom.pk}" if self.custom else ""


def host_names(tenant: Tenant) -> list[HostName]:
    """Those that serve the company first, with the one that links lead to at their head; then those to be proven."""
    served = {one.domain: one.is_primary for one in Domain.objects.filter(tenant=tenant)}
    asked = {one.domain: one for one in CustomDomain.objects.filter(tenant=tenant).select_related("tenant")}
    rows = [HostName(name, served.get(name, False), asked.get(name)) for name in {*served, *asked}]
    return sorted(rows, key=lambda row: (not row.is_primary, not row.is_served, row.domain))
