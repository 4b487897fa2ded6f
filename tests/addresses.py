"""Where a company's pages are."""

from django.urls import reverse


def at(name: str, *args: object) -> str:
    """The address of one of a company's pages, by its name."""
    return reverse(name, urlconf="config.urls_tenant", args=args)
