"""Canned responses, and tags to choose from."""

from django.db.models import Func, Q, QuerySet

from apps.desktop.models import CannedResponse, Contact


def canned_all(q: str = "") -> QuerySet[CannedResponse]:
    """Canned responses by shortcut; with `q` those whose shortcut begins with it or whose title has it."""
    rows = CannedResponse.objects.order_by("shortcut")
    return rows.filter(Q(shortcut__istartswith=q) | Q(title__icontains=q)) if q else rows


def tags_all() -> list[str]:
    """Every tag that a contact has, in order."""
    rows = Contact.objects.exclude(tags=[]).annotate(tag=Func("tags", function="unnest"))
    return sorted(set(rows.values_list("tag", flat=True)))
