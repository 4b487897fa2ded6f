"""Reads of conversations, their messages, and what happened."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer
from apps.core.phones import phone_e164
from apps.desktop.apis.base import ACTS_FOR, MOVED, TAGS, DeskView, acting_user, viewing_user
from apps.desktop.apis.serializers import (
    ColleagueShape,
    ConversationPage,
    ConversationShape,
    EventPage,
    EventShape,
    EventsRequest,
    ListRequest,
    MessagePage,
    MessageShape,
    MessagesRequest,
    NoteRequest,
    ReplyRequest,
    StartRequest,
)
from apps.desktop.channels import LineChoice, lines_all
from apps.desktop.selectors import (
    colleagues_all,
    conversation_counts,
    conversation_get,
    conversations_list,
    conversations_placed,
    events_after,
    messages_of,
)
from apps.desktop.services.conversations.starting import contact_for, conversation_start
from apps.desktop.services.messages import message_send, note_add

READ = problems(400, 401, 403, 404)
ORDERS = {"newest": ("-place", "-id"), "waiting": ("place", "-id")}


def valid(shape: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """The fields of a request. Raises ValidationError, which leaves as problem+json."""
    asked = shape(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


class ConversationsAPI(DeskView):
    @extend_schema(
        summary="List conversations", parameters=[ListRequest, *PAGING, ACTS_FOR],
        responses={200: ConversationPage, **READ}, tags=TAGS, operation_id="conversations_list",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The conversations of a view, filtered and searched: the latest first, or who has waited the longest."""
        asked = valid(ListRequest, request.query_params)
        rows = conversations_list(user_id=viewing_user(request), **asked)
        placed = conversations_placed(rows, asked["sort"])
        return page_answer(request, placed, ConversationShape, ordering=ORDERS[asked["sort"]])

    @extend_schema(
        summary="Write to somebody first", parameters=[ACTS_FOR], request=StartRequest,
        responses={201: ConversationShape, **problems(400, 401, 403, 404, 409, 422)}, tags=TAGS,
        operation_id="conversation_start",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Opens a conversation for the colleague who acts, or takes up the one that is there, and sends the message in it."""
        asked = valid(StartRequest, request.data)
        user_id, line = acting_user(request), _line(asked["line"])
        phone = phone_e164(asked["phone"], request.tenant.country)  # type: ignore[attr-defined]
        if phone is None:
            raise Problem(422, "unknown_number", "`phone` is no phone number. Write it with its country code: +44 7700 900123.")
        with transaction.atomic():
            contact = contact_for(line=line, phone=phone, name=asked["name"])
            made = conversation_start(contact=contact, line=line, user_id=user_id)
            message_send(
                conversation=made, author="person", user_id=user_id, kind=asked["kind"], text=asked["text"],
                payload=asked["payload"], attachment_ids=asked["attachments"],
            )  # fmt: skip
        return Response(ConversationShape(conversation_get(made.pk)).data, status=201)


def _line(key: str) -> LineChoice:
    """The line of that key, or the only one. Raises Problem 422 with those that there are."""
    lines = lines_all()
    found = next((line for line in lines if key in (line.key, "")), None) if key or len(lines) == 1 else None
    if found is None:
        known = ", ".join(line.key for line in lines) or "none so far; add a number first"
        raise Problem(422, "unknown_line", f"Say in `line` which number to write from. There are: {known}.")
    return found


class CountsAPI(DeskView):
    @extend_schema(summary="Count conversations", parameters=[ACTS_FOR], responses={200: OpenApiTypes.OBJECT, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """How many conversations each view holds, and how many of them have unread messages (`…_unread`)."""
        return Response(conversation_counts(acting_user(request)))


class ConversationAPI(DeskView):
    @extend_schema(summary="Read a conversation", responses={200: ConversationShape, **MOVED, **READ}, tags=TAGS)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """One conversation with its contact."""
        return Response(ConversationShape(conversation_get(conversation_id)).data)


class MessagesAPI(DeskView):
    @extend_schema(
        summary="Read messages", parameters=[MessagesRequest], responses={200: MessagePage, **MOVED, **READ}, tags=TAGS,
        operation_id="messages_list",
    )  # fmt: skip
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The last messages and notes of a conversation, or those before one of them."""
        asked = valid(MessagesRequest, request.query_params)
        found = messages_of(conversation_get(conversation_id), before=asked["before"], limit=asked["limit"])
        before = str(found[0].pk) if len(found) == asked["limit"] else None
        return Response({"results": MessageShape(found, many=True).data, "before": before})

    @extend_schema(
        summary="Reply to the contact", parameters=[ACTS_FOR], request=ReplyRequest,
        responses={201: MessageShape, **MOVED, **problems(400, 401, 403, 404, 409, 422)}, tags=TAGS,
    )  # fmt: skip
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Sends a message; only the conversation's holder may. It is `pending` until the channel has taken it."""
        asked = valid(ReplyRequest, request.data)
        user_id = acting_user(request)
        sent = message_send(
            conversation=conversation_get(conversation_id), author="person", user_id=user_id, kind=asked["kind"],
            text=asked["text"], payload=asked["payload"], reply_to_id=asked["reply_to"], attachment_ids=asked["attachments"],
        )  # fmt: skip
        return Response(MessageShape(sent).data, status=201)


class NotesAPI(DeskView):
    @extend_schema(
        summary="Add a private note", parameters=[ACTS_FOR], request=NoteRequest,
        responses={201: MessageShape, **MOVED, **problems(400, 401, 403, 404, 422)}, tags=TAGS,
    )  # fmt: skip
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Adds a note that only colleagues see."""
        text = valid(NoteRequest, request.data)["text"]
        note = note_add(conversation_id=conversation_id, user_id=acting_user(request), text=text)
        return Response(MessageShape(note).data, status=201)


class EventsAPI(DeskView):
    @extend_schema(summary="Read what happened", parameters=[EventsRequest], responses={200: EventPage, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Events after one, oldest first."""
        asked = valid(EventsRequest, request.query_params)
        found = events_after(asked["after"], asked["limit"])
        last = max([asked["after"], *(event.pk for event in found)])
        return Response({"results": EventShape(found, many=True).data, "last_event_id": last})


class ColleaguesAPI(DeskView):
    @extend_schema(summary="List colleagues", responses={200: ColleagueShape(many=True), **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Everybody at the desktop, with presence and room."""
        return Response(ColleagueShape(colleagues_all(), many=True).data)
