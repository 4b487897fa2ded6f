"""Contacts: finding them, and making one of two who are the same person."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.desktop.apis.base import ACTS_FOR, TAGS, DeskView, acting_user
from apps.desktop.apis.conversations import valid
from apps.desktop.apis.serializers import ContactShape
from apps.desktop.models import Contact
from apps.desktop.selectors.contacts import contact_get, contacts_find, phones_of
from apps.desktop.services.contacts import contact_merge_by_hand


class ContactWholeShape(ContactShape):
    phones = serializers.SerializerMethodField(help_text="Every number by which they are known.")

    def get_phones(self, row: Contact) -> list[str]:
        return phones_of(row)


class ContactsRequest(serializers.Serializer[Any]):
    q = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="A part of a name, e-mail or number."
    )


class MergeRequest(serializers.Serializer[Any]):
    other_id = serializers.UUIDField(help_text="The contact who is the same person.")


class ContactsAPI(DeskView):
    @extend_schema(
        summary="List contacts", parameters=[ContactsRequest, *PAGING],
        responses={200: page_shape(ContactShape), **problems(400, 401, 403)}, tags=TAGS, operation_id="contacts_list",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Everybody who wrote or called, the newest first, or those whom a search finds."""
        found = contacts_find(valid(ContactsRequest, request.query_params)["q"])
        return page_answer(request, found, ContactShape, ordering=("-id",))


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
