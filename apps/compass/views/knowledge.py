"""The documents that agents know: the list with its search, and a document as it was read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.compass.knowledge.search import knowledge_search
from apps.compass.models import Document
from apps.compass.selectors.knowledge import (
    agents_of,
    document_find,
    documents_all,
    documents_used_by,
    passages_of_document,
)
from apps.compass.services.knowledge import (
    document_address_add,
    document_delete,
    document_reindex,
    document_replace,
    document_stop,
    document_update,
    document_upload,
)
from apps.core.errors import PermanentError
from apps.tenants.access import ADMINS, MANAGERS, role_required

SHOWN_PASSAGES = 25
SEARCHED = 8
readers = role_required(*MANAGERS)
changers = role_required(*ADMINS)


@require_GET
@readers
def documents(request: HttpRequest) -> HttpResponse:
    """The page, or only its list when htmx asks for that."""
    used = documents_used_by()
    rows = [{"document": document, "agents": agents_of(used, document)} for document in documents_all()]
    context = {**_shared(request), "rows": rows, "is_working": any(row["document"].is_working for row in rows)}  # type: ignore[attr-defined]
    return render(request, f"compass/knowledge/{'list' if _partial(request) else 'page'}.html", context)


@require_GET
@readers
def search(request: HttpRequest) -> HttpResponse:
    """What an agent that knows every document would find."""
    question = request.GET.get("q", "").strip()
    context = {**_shared(request), "question": question, "findings": knowledge_search(question, top_k=SEARCHED)}
    return render(request, "compass/knowledge/found.html", context)


@require_GET
@readers
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A document with its passages, or only what is live of it."""
    found = _document(document_id)
    page = Paginator(passages_of_document(found), SHOWN_PASSAGES).get_page(request.GET.get("page"))
    context = {**_shared(request), "document": found, "page": page, "agents": agents_of(documents_used_by(), found)}
    return render(request, f"compass/knowledge/{'document_body' if _partial(request) else 'document'}.html", context)


@require_POST
@changers
def upload(request: HttpRequest) -> HttpResponse:
    """One file a request. Scripts get JSON with its id or the error; a plain form goes back to the list."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise PermanentError(_("Choose a file."))
        made = document_upload(file=file, created_by=request.user.pk)  # type: ignore[arg-type]
    except PermanentError as error:
        if request.headers.get("X-Requested-With"):
            return JsonResponse({"error": str(error)}, status=422)
        messages.error(request, str(error))
        return redirect("knowledge")
    if request.headers.get("X-Requested-With"):
        return JsonResponse({"id": str(made.pk)}, status=201)
    messages.success(request, _("%(name)s is here. It is being read.") % {"name": made.name})
    return redirect("knowledge")


@require_POST
@changers
def address_add(request: HttpRequest) -> HttpResponse:
    values = request.POST
    return _acted(
        request,
        lambda: document_address_add(
            address=values.get("address", ""),
            daily="daily" in values,
            created_by=request.user.pk,  # type: ignore[arg-type]
        ),
        _("The address is here. It is being read."),
    )


@require_POST
@changers
def save(request: HttpRequest, document_id: UUID) -> HttpResponse:
    found = _document(document_id)
    name, daily = request.POST.get("name", ""), "daily" in request.POST
    return _acted(request, lambda: document_update(document=found, name=name, daily=daily), _("Saved."), found)


@require_POST
@changers
def replace(request: HttpRequest, document_id: UUID) -> HttpResponse:
    found, file = _document(document_id), request.FILES.get("file")
    if file is None:
        raise Http404
    return _acted(request, lambda: document_replace(document=found, file=file), _("The new file is being read."), found)  # type: ignore[arg-type]


@require_POST
@changers
def reindex(request: HttpRequest, document_id: UUID) -> HttpResponse:
    found = _document(document_id)
    return _acted(request, lambda: document_reindex(document=found), _("It is being read again."), found)


@require_POST
@changers
def stop(request: HttpRequest, document_id: UUID) -> HttpResponse:
    found = _document(document_id)
    return _acted(request, lambda: document_stop(document=found), _("Stopped."), found)


@require_POST
@changers
def delete(request: HttpRequest, document_id: UUID) -> HttpResponse:
    found = _document(document_id)
    return _acted(request, lambda: document_delete(document=found), _("%(name)s is deleted.") % {"name": found.name})


def _acted(request: HttpRequest, act: Callable[[], object], done: str, back: Document | None = None) -> HttpResponse:
    """Does it, says so, and goes back to the list or the document."""
    try:
        act()
        messages.success(request, done)
    except PermanentError as error:
        messages.error(request, str(error))
    return redirect("knowledge-document", back.pk) if back else redirect("knowledge")


def _document(document_id: UUID) -> Document:
    found = document_find(document_id)
    if found is None:
        raise Http404("There is no such document.")
    return found


def _shared(request: HttpRequest) -> dict[str, Any]:
    membership = request.membership  # type: ignore[attr-defined]
    return {"section": "knowledge", "may_change": membership.role in ADMINS}


def _partial(request: HttpRequest) -> bool:
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
