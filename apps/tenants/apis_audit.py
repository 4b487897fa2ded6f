"""/api/v1/audit-log: who changed what, a page at a time."""

from datetime import date
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants import audit_log
from apps.tenants.access import ADMINS, Access, TenantAPI

ACTIONS = tuple(audit_log.ACTIONS.values())
FILTERS = [
    OpenApiParameter("who", str, description="A part of an e-mail address, or of an API key's name."),
    OpenApiParameter("kind", str, description="What was changed, as `kind` of an entry says it, such as `compass.agent`."),
    OpenApiParameter("action", str, enum=ACTIONS),
    OpenApiParameter("since", date, description="First day, in UTC."),
    OpenApiParameter("until", date, description="Last day, included."),
]
ENTRY = {
    "id": 812,
    "at": "2026-11-29T14:30:00Z",
    "who": "Alice",
    "email": "alice@acme.test",
    "api_key": "",
    "action": "update",
    "kind": "tenants.membership",
    "object_id": "17",
    "what": "bob@acme.test",
    "changes": [{"field": "Role", "old": "Agent", "new": "Supervisor"}],
    "address": "203.0.113.7",
}


class AuditQuery(serializers.Serializer[Any]):
    """Which entries."""

    who = serializers.CharField(max_length=200, required=False, allow_blank=True)
    kind = serializers.CharField(max_length=120, required=False, allow_blank=True)
    action = serializers.ChoiceField(ACTIONS, required=False, allow_blank=True)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)

    def validate_kind(self, text: str) -> str:
        """The content type's id, by which the log is kept."""
        app, _dot, model = text.lower().partition(".")
        found = ContentType.objects.filter(app_label=app, model=model).values_list("pk", flat=True).first()
        if text and found is None:
            raise serializers.ValidationError("There is no such kind; take `kind` of an entry, such as compass.agent.")
        return str(found or "")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since and until and since > until:
            raise serializers.ValidationError({"until": "lies before since; swap the two"})
        return {"what" if name == "kind" else name: value for name, value in attrs.items() if value}


class AuditChangeShape(serializers.Serializer[Any]):
    """A field in words, before and after. Of a secret it says only that there is one."""

    field = serializers.CharField()  # type: ignore[assignment]
    old = serializers.CharField()
    new = serializers.CharField()


class AuditEntryShape(serializers.Serializer[LogEntry]):
    """A change. `who` is a person, an API key or Meridian itself; `email` and `api_key` are empty where it was none."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField(source="timestamp")
    who = serializers.SerializerMethodField()
    email = serializers.SerializerMethodField()
    api_key = serializers.SerializerMethodField()
    action = serializers.SerializerMethodField(help_text=", ".join(ACTIONS))
    kind = serializers.SerializerMethodField()
    object_id = serializers.CharField(source="object_pk")
    what = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField()
    address = serializers.SerializerMethodField(help_text="Of the network that it came from; empty where it is not known.")

    def get_who(self, entry: LogEntry) -> str:
        return audit_log.actor_name(entry)

    def get_email(self, entry: LogEntry) -> str:
        return entry.actor_email or ""

    def get_api_key(self, entry: LogEntry) -> str:
        return str((entry.additional_data or {}).get("api_key", ""))

    def get_action(self, entry: LogEntry) -> str:
        return audit_log.ACTIONS.get(entry.action, "")

    def get_kind(self, entry: LogEntry) -> str:
        return f"{entry.content_type.app_label}.{entry.content_type.model}"

    def get_what(self, entry: LogEntry) -> str:
        return audit_log.what_name(entry)

    def get_changes(self, entry: LogEntry) -> AuditChangeShape(many=True):  # type: ignore[valid-type]
        return AuditChangeShape(audit_log.changes_of(entry), many=True).data

    def get_address(self, entry: LogEntry) -> str:
        return entry.remote_addr or ""


class AuditLogAPI(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=(), scope="audit"),)

    @extend_schema(
        summary="Read the audit log",
        operation_id="audit_log",
        description="The newest first. Follow `next` to read on; entries that come meanwhile move nothing.",
        parameters=[*PAGING, *FILTERS],
        responses={200: page_shape(AuditEntryShape), **problems(400, 401, 403, 404)},
        examples=[OpenApiExample("Changes", {"next": None, "previous": None, "results": [ENTRY]}, response_only=True)],
        tags=["company"],
    )
    def get(self, request: Request) -> Response:
        asked = AuditQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = audit_log.entries(**asked.validated_data)
        return page_answer(request, found, AuditEntryShape, ordering=("-timestamp", "-id"))
