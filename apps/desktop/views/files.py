"""Files, only for those who may see the conversation: never from a public folder, and never as anything that a browser runs."""

import re
from pathlib import Path
from uuid import UUID

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from apps.core.ranged import file_answer
from apps.desktop.models import Attachment
from apps.desktop.views.rights import desk_required, person

SHOWN = re.compile(r"^(image/(jpeg|png|gif|webp)|audio/[\w.+-]+|video/[\w.+-]+|application/pdf)$")


@require_GET
@desk_required  # type: ignore[arg-type]  # it may stream
def attachment(request: HttpRequest, attachment_id: UUID) -> HttpResponseBase:
    """Inline where it is a picture, sound, film or PDF, else as a download. `Range` is served: players need it."""
    found = Attachment.objects.select_related("message").filter(pk=attachment_id, state=Attachment.State.STORED).first()
    if found is None or not _visible(found, request):
        raise Http404
    inline = bool(SHOWN.match(found.mime)) and "download" not in request.GET
    answer = file_answer(found.file, request.headers.get("Range", ""))
    answer["Content-Type"] = found.mime if SHOWN.match(found.mime) else "application/octet-stream"
    answer["Content-Disposition"] = content_disposition_header(not inline, found.name or "file") or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _visible(found: Attachment, request: HttpRequest) -> bool:
    """Once sent or received it is everybody's at the desk; before that only the uploader's."""
    return found.message is not None or found.uploaded_by == person(request)


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, because a service worker only sees what lies below its own address."""
    path = finders.find("ui/sw.js")
    if path is None:
        raise Http404
    answer = HttpResponse(Path(path).read_bytes(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
