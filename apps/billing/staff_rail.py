"""The rail of the platform's pages, in the order in which they stand; a page adds its own by a line here."""

from dataclasses import dataclass
from functools import cache

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Link:
    """`key` is what a page gives as `section`, `url_name` where it leads; `letter` goes there after a g."""

    key: str
    url_name: str
    label: str | Promise
    icon: str
    letter: str


LINKS = (
    Link("tenants", "staff", _("Tenants"), "building-2", "t"),
    Link("revenue", "staff-revenue", _("Revenue"), "circle-dollar-sign", "r"),
    Link("books", "staff-books", _("Price books"), "book-open", "b"),
    Link("plans", "staff-plans", _("Plans"), "layout-template", "p"),
    Link("credits", "staff-credits", _("Credits"), "tag", "c"),
    Link("unpriced", "staff-unpriced", _("Unpriced"), "circle-question-mark", "u"),
    Link("conflicts", "staff-conflicts", _("Conflicts"), "triangle-alert", "x"),
    Link("limits", "staff-limits", _("Limits"), "hand", "l"),
)


@cache
def _address(url_name: str) -> str:
    """Where a link leads; empty while this installation has no such page."""
    try:
        return reverse(url_name, urlconf="config.urls_public")
    except NoReverseMatch:
        return ""


def rail() -> list[dict[str, str | Promise]]:
    """The links for templates/staff/rail.html."""
    found = [(link, _address(link.url_name)) for link in LINKS]
    return [
        {"key": link.key, "href": href, "label": link.label, "icon": link.icon, "letter": link.letter}
        for link, href in found
        if href
    ]
