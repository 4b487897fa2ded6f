"""Contacts: finding them, and making one of two who are the same person."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.openapi import problems
from apps.desktop.apis.base import ACTS_FOR, TAGS, DeskView, acting_user
from apps.desktop.apis.conversations import CURSOR, valid
from apps.desktop.apis.serializers import ContactShape
from apps.desktop.models import Contact
from apps.desktop.selectors.contacts import contact_get, contacts_find, phones_of
from apps.desktop.services.contacts import contact_merge_by_hand


class ContactWholeShape(ContactShape):
    phones = serializers.SerializerMethodField(help_text="Every number by which they are known.")

    def get_phones(self, row: Contact) -> list[str]:
        return phones_of(row)


class ContactPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ContactShape(many=True)


class ContactsRequest(serializers.Serializer[Any]):
    q = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="A part of a name, e-mail or number."
    )


class MergeRequest(serializers.Serializer[Any]):
    other_id = serializers.UUIDField(help_text="The contact who is the same person.")


class Pages(CursorPagination):
    """The newest first."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"


class ContactsAPI(DeskView):
    @extend_schema(
        summary="List contacts", parameters=[ContactsRequest, CURSOR, OpenApiParameter("limit", int)],
        responses={200: ContactPage, **problems(400, 401, 403)}, tags=TAGS, operation_id="contacts_list",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Everybody who wrote or called, the newest first, or those whom a search finds."""
        pages = Pages()
        page = pages.paginate_queryset(contacts_find(valid(ContactsRequest, request.query_params)["q"]), request, view=self)
        return pages.get_paginated_response(ContactShape(page, many=True).data)


class ContactAPI(DeskView):
    @extend_schema(
        summary="Read a contact", responses={200: ContactWholeShape, **problems(401, 403, 404)}, tags=TAGS,
        operation_id="contact_read",
    )  # fmt: skip
    def get(self, request: Request, contact_id: UUID) -> Response:
        """One contact with all of their numbers."""
        return Response(ContactWholeShape(contact_get(contact_id)).data)


class ContactMergeAPI(DeskView):
    @extend_schema(
        summary="Make one contact of two", parameters=[ACTS_FOR], request=MergeRequest,
        responses={200: ContactWholeShape, **problems(400, 401, 403, 404, 409, 422)}, tags=TAGS, operation_id="contact_merge",
    )  # fmt: skip
    def post(self, request: Request, contact_id: UUID) -> Response:
        """For supervisors and up. Answers the one that was known first, with all that there is of both; the other id is gone."""
        asked = valid(MergeRequest, request.data)
        kept = contact_merge_by_hand(contact_id=contact_id, other_id=asked["other_id"], user_id=acting_user(request))
        return Response(ContactWholeShape(kept).data)
