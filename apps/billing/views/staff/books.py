"""Price books: the list, and a book to read or, before it takes effect, to change."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.billing.models import PriceBook
from apps.billing.selectors.staff.books import books_by_currency
from apps.billing.services.staff.books import BookHead, book_change, book_copy, book_delete, book_mark, book_rows
from apps.billing.views.staff.book_forms import FORMAT, CopyForm, HeadForm, RowSet, next_month, row_initial
from apps.billing.views.staff.pages import page, who
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required


@require_GET
@staff_required
def books(request: HttpRequest) -> HttpResponse:
    return _list(request, _copy_form())


@require_POST
@staff_required
def copy(request: HttpRequest) -> HttpResponse:
    form = CopyForm(request.POST, auto_id="copy-%s")
    if not form.is_valid():
        return _list(request, form, status=422)
    try:
        made = book_copy(**form.cleaned_data, by=who(request))
    except PermanentError as error:
        form.add_error("effective_from", str(error))
        return _list(request, form, status=422)
    messages.success(request, _("Version %(version)s is made. Change it until it takes effect.") % {"version": made.version})
    return redirect("staff-book", made.pk)


@require_http_methods(["GET", "POST"])
@staff_required
def book(request: HttpRequest, book_id: UUID) -> HttpResponse:
    """Read-only once it is in effect; before, a form for the whole of it."""
    one = book_or_404(book_id)
    if one.in_effect:
        return page(request, "book_read.html", "books", {"book": one, "rows": one.prices.prefetch_related("tiers")})
    if request.method == "GET":
        return _editor(request, one, _head_form(one), RowSet(initial=[row_initial(row) for row in book_rows(one)]))
    head = HeadForm(request.POST)
    markup = (head.cleaned_data.get("markup_percent") or Decimal(0)) / 100 if head.is_valid() else Decimal(0)
    rows = RowSet(request.POST, initial=[row_initial(row) for row in book_rows(one)], markup=markup)
    if not (head.is_valid() and rows.is_valid()):
        return _editor(request, one, head, rows, status=422)
    values = head.cleaned_data
    try:
        facts = BookHead(values["effective_from"], markup, values["note"])
        book_change(book=one, head=facts, rows=rows.rows, mark=values["mark"], by=who(request))
    except PermanentError as error:
        head.add_error(None, str(error))
        return _editor(request, one, head, rows, status=422)
    messages.success(request, _("Saved."))
    return redirect("staff-book", one.pk)


@require_POST
@staff_required
def delete(request: HttpRequest, book_id: UUID) -> HttpResponse:
    one = book_or_404(book_id)
    try:
        book_delete(book=one, by=who(request))
    except PermanentError as error:
        messages.error(request, str(error))
        return redirect("staff-book", one.pk)
    messages.success(request, _("Version %(version)s is deleted.") % {"version": one.version})
    return redirect("staff-books")


def book_or_404(book_id: UUID) -> PriceBook:
    one = PriceBook.objects.filter(pk=book_id).first()
    if one is None:
        raise Http404("There is no such price book.")
    return one


def _copy_form() -> CopyForm:
    newest = PriceBook.objects.order_by("-effective_from").first()
    initial = {
        "book": newest,
        "currency": newest.currency if newest else "USD",
        "effective_from": next_month().strftime(FORMAT),
    }
    return CopyForm(initial=initial, auto_id="copy-%s")


def _head_form(one: PriceBook) -> HeadForm:
    initial = {"effective_from": one.effective_from.strftime(FORMAT), "markup_percent": f"{one.markup * 100:.2f}"}
    return HeadForm(initial={**initial, "note": one.note, "mark": book_mark(one)})


def _list(request: HttpRequest, form: CopyForm, status: int = 200) -> HttpResponse:
    return page(request, "books.html", "books", {"currencies": books_by_currency(), "form": form}, status=status)


def _editor(request: HttpRequest, one: PriceBook, head: HeadForm, rows: Any, status: int = 200) -> HttpResponse:
    return page(request, "book_edit.html", "books", {"book": one, "head": head, "formset": rows}, status=status)
