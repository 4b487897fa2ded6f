"""Webhooks in the settings: endpoints, their secrets, and the log of what was sent."""

import json
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.forms_webhooks import EndpointForm, endpoint_initial
from apps.compass.models import WebhookDelivery, WebhookEndpoint
from apps.compass.selectors.webhooks import deliveries_of, delivery_get, endpoint_get, endpoints_all
from apps.compass.services.webhooks import (
    delivery_resend,
    endpoint_create,
    endpoint_delete,
    endpoint_rotate,
    endpoint_update,
    webhook_test,
)
from apps.compass.webhooks import body_of
from apps.core.errors import PermanentError
from apps.tenants.access import ADMINS, role_required

admins = role_required(*ADMINS)
editing = require_http_methods(["GET", "POST"])
SECTION = {"section": "settings", "tab": "webhooks"}
PAGE_SIZE = 25


@require_GET
@admins
def webhooks(request: HttpRequest) -> HttpResponse:
    return render(request, "webhooks/list.html", {**SECTION, "rows": endpoints_all()})


@never_cache
@editing
@admins
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Makes an endpoint; the answer shows its secret, once."""
    form = EndpointForm(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            endpoint, secret = endpoint_create(url=given["url"], events=given["events"], description=given["description"])
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            return _secret_shown(request, endpoint, secret)
    return render(request, "webhooks/edit.html", {**SECTION, "form": form}, status=422 if form.errors else 200)


@editing
@admins
def webhook_edit(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = _endpoint(endpoint_id)
    form = EndpointForm(request.POST or None, initial=endpoint_initial(endpoint))
    if form.is_valid():
        try:
            endpoint_update(endpoint=endpoint, **form.cleaned_data)
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("webhook", endpoint_id)
    context = {**SECTION, "form": form, "endpoint": endpoint}
    return render(request, "webhooks/edit.html", context, status=422 if form.errors else 200)


@require_GET
@admins
def webhook(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """An endpoint and its log; only the log when htmx asks."""
    endpoint = _endpoint(endpoint_id)
    page = Paginator(deliveries_of(endpoint), PAGE_SIZE).get_page(request.GET.get("page"))
    template = "webhooks/log.html" if request.htmx else "webhooks/detail.html"  # type: ignore[attr-defined]
    return render(request, template, {**SECTION, "endpoint": endpoint, "page": page})


@require_GET
@admins
def webhook_delivery(request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """What was sent and answered, try by try."""
    delivery = _delivery(endpoint_id, delivery_id)
    attempts = list(delivery.attempts.all())
    body = json.dumps(json.loads(body_of(delivery.event)), indent=2, ensure_ascii=False)
    headers = "\n".join(f"{name}: {value}" for name, value in attempts[0].headers.items()) if attempts else ""
    context = {**SECTION, "endpoint": delivery.endpoint, "delivery": delivery, "attempts": attempts, "body": body}
    return render(request, "webhooks/delivery.html", {**context, "headers": headers})


@require_POST
@admins
def webhook_send_test(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = _endpoint(endpoint_id)
    if endpoint.enabled:
        webhook_test(endpoint=endpoint)
        messages.success(request, _("A test event is on its way. What is answered shows up below."))
    else:
        messages.error(request, _("This webhook is switched off. Switch it on first."))
    return redirect("webhook", endpoint_id)


@require_POST
@admins
def webhook_resend(request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    try:
        delivery_resend(delivery=_delivery(endpoint_id, delivery_id))
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is sent again."))
    return redirect("webhook-delivery", endpoint_id, delivery_id)


@never_cache
@require_POST
@admins
def webhook_rotate(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = _endpoint(endpoint_id)
    return _secret_shown(request, endpoint, endpoint_rotate(endpoint=endpoint))


@require_POST
@admins
def webhook_delete(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = _endpoint(endpoint_id)
    endpoint_delete(endpoint=endpoint)
    messages.success(request, _("%(name)s is deleted.") % {"name": endpoint})
    return redirect("webhooks")


def _secret_shown(request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    return render(request, "webhooks/secret.html", {**SECTION, "endpoint": endpoint, "text": secret})


def _endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = endpoint_get(endpoint_id)
    if endpoint is None:
        raise Http404("There is no such webhook.")
    return endpoint


def _delivery(endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    delivery = delivery_get(endpoint_id, delivery_id)
    if delivery is None:
        raise Http404("There is no such delivery.")
    return delivery
