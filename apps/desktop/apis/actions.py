"""What a colleague does with a conversation: one address each, POST, answered with the conversation as it is then."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from apps.core.openapi import problems
from apps.desktop.apis.base import ACTS_FOR, MOVED, TAGS, DeskView, acting_user
from apps.desktop.apis.conversations import valid
from apps.desktop.apis.serializers import (
    AssignRequest,
    ConversationShape,
    NothingRequest,
    ResolveRequest,
    SnoozeRequest,
    TeamRequest,
)
from apps.desktop.models import Conversation
from apps.desktop.selectors import conversation_get
from apps.desktop.services.conversations import (
    conversation_assign,
    conversation_claim,
    conversation_read,
    conversation_release,
    conversation_reopen,
    conversation_resolve,
    conversation_snooze,
    conversation_to_ai,
    conversation_to_team,
)

Post = TypeVar("Post", bound=Callable[..., Response])


class ActionAPI(DeskView):
    """Checks the body, then hands it to the service that a class names."""

    shape: ClassVar[type[Serializer[Any]]] = NothingRequest
    service: ClassVar[Callable[..., Conversation]]

    def answer(self, request: Request, conversation_id: UUID) -> Response:
        """Raises DeskError as the service does."""
        asked = valid(self.shape, request.data)
        type(self).service(conversation_id=conversation_id, user_id=acting_user(request), **asked)
        return Response(ConversationShape(conversation_get(conversation_id)).data)


def described(summary: str, body: type[Serializer[Any]] | None = None) -> Callable[[Post], Post]:
    """An action in the OpenAPI schema."""
    responses: dict[Any, Any] = {200: ConversationShape, **MOVED, **problems(400, 401, 403, 404, 409, 422)}
    return extend_schema(summary=summary, parameters=[ACTS_FOR], request=body, responses=responses, tags=TAGS)


class ClaimAPI(ActionAPI):
    service = staticmethod(conversation_claim)

    @described("Claim a conversation")
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Takes a conversation that nobody holds; of many at once one gets it, the others hear 409 `already_claimed`."""
        return self.answer(request, conversation_id)


class ReleaseAPI(ActionAPI):
    service = staticmethod(conversation_release)

    @described("Release a conversation")
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Gives it back to its team."""
        return self.answer(request, conversation_id)


class AssignAPI(ActionAPI):
    service = staticmethod(conversation_assign)
    shape = AssignRequest

    @described("Assign a conversation", AssignRequest)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Gives it to a colleague, who is notified."""
        return self.answer(request, conversation_id)


class ToTeamAPI(ActionAPI):
    service = staticmethod(conversation_to_team)
    shape = TeamRequest

    @described("Hand a conversation to a team", TeamRequest)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Offers it to a team, or to everybody."""
        return self.answer(request, conversation_id)


class SnoozeAPI(ActionAPI):
    service = staticmethod(conversation_snooze)
    shape = SnoozeRequest

    @described("Snooze a conversation", SnoozeRequest)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Puts it off until a time, or until the contact writes."""
        return self.answer(request, conversation_id)


class ResolveAPI(ActionAPI):
    service = staticmethod(conversation_resolve)
    shape = ResolveRequest

    @described("Resolve a conversation", ResolveRequest)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Ends it; the contact's next message opens a new one."""
        return self.answer(request, conversation_id)


class ReopenAPI(ActionAPI):
    service = staticmethod(conversation_reopen)

    @described("Reopen a conversation")
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Takes a resolved or snoozed one up again."""
        return self.answer(request, conversation_id)


class ToAIAPI(ActionAPI):
    service = staticmethod(conversation_to_ai)

    @described("Return a conversation to the AI agent")
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """The agent holds it again and answers what nobody has answered."""
        return self.answer(request, conversation_id)


class ReadAPI(ActionAPI):
    service = staticmethod(conversation_read)

    @described("Mark a conversation as read")
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """The acting colleague has seen everything in it."""
        return self.answer(request, conversation_id)
