"""The preview of a coming book: each answer is a piece of the table, and the address of the next one."""

from decimal import Decimal
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from apps.billing.models import PriceBook
from apps.billing.selectors.staff.preview import Piece, Progress, piece_read, preview_some
from apps.billing.views.staff.books import book_or_404
from apps.billing.views.staff.pages import month_name, months_back
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required


class SoFarForm(forms.Form):
    """What the piece before came to; whatever is not right begins anew."""

    place = forms.IntegerField(min_value=0)
    now = forms.DecimalField(max_digits=24)
    then = forms.DecimalField(max_digits=24)
    unpriced = forms.IntegerField(min_value=0)
    piece = forms.CharField(required=False, max_length=600)

    def clean_piece(self) -> Piece:
        try:
            return piece_read(str(self.cleaned_data["piece"]))
        except PermanentError as error:
            raise forms.ValidationError(str(error)) from error


@require_GET
@staff_required
def preview(request: HttpRequest, book_id: UUID) -> HttpResponse:
    """Some tenants of last month, as they would have been charged."""
    book, month = book_or_404(book_id), months_back(2)[1]
    form = SoFarForm(request.GET)
    begun = Progress(**form.cleaned_data) if form.is_valid() else Progress()
    rows, progress = preview_some(book=book, month=month, progress=begun)
    context = {
        "book": book,
        "rows": rows,
        "progress": progress,
        "first": begun == Progress(),
        "month_name": month_name(month),
        "next": "" if progress.over else _next(book, progress),
    }
    return render(request, "staff/preview.html", context)


def _next(book: PriceBook, progress: Progress) -> str:
    numbers: dict[str, int | str] = {"place": progress.place, "unpriced": progress.unpriced, "piece": progress.piece.text}
    amounts: dict[str, Decimal] = {"now": progress.now, "then": progress.then}
    query = urlencode({**numbers, **{name: f"{amount:f}" for name, amount in amounts.items()}})
    return f"{reverse('staff-book-preview', args=[book.pk])}?{query}"
