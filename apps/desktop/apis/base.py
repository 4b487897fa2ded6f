"""What the desktop's APIs share: who calls, for whom, and how errors leave."""

from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import Problem
from apps.desktop.errors import DeskError, UnknownConversation
from apps.desktop.selectors import colleagues_all, conversation_joined_into
from apps.desktop.selectors.people import DESK_ROLES
from apps.tenants.access import Access, APIKeyAuthentication, is_key
from apps.tenants.models import Role

TAGS = ["desktop"]
ACTS_FOR = OpenApiParameter(
    "X-Meridian-User",
    str,
    OpenApiParameter.HEADER,
    description="With an API key: the e-mail address of the colleague who acts. A session acts for its own person.",
)

MOVED = {
    308: OpenApiResponse(
        description="It is part of another conversation since their contacts turned out to be one: `Location` is its address."
    )
}


class IsAtDesk(Access):
    """A member of this tenant who may use the desktop, or one of its API keys with the conversations' scopes."""

    message = "Only colleagues at the desktop may do this. Ask an admin for another role."
    read: tuple[Role, ...] = DESK_ROLES
    write: tuple[Role, ...] = DESK_ROLES
    scope = "conversations"


class DeskView(APIView):
    """Session or API key; what a service refuses leaves as problem+json with its code."""

    authentication_classes = (APIKeyAuthentication, SessionAuthentication)
    permission_classes = (IsAtDesk,)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, UnknownConversation) and (into := self._joined_into()):
            return self._moved(into)
        if isinstance(exc, DeskError):
            exc = Problem(exc.status, exc.code, str(exc))
        return super().handle_exception(exc)

    def _joined_into(self) -> UUID | None:
        asked = self.kwargs.get("conversation_id")
        return conversation_joined_into(asked) if isinstance(asked, UUID) else None

    def _moved(self, into: UUID) -> Response:
        """The same request at the conversation that is left, whatever its method."""
        match = self.request.resolver_match
        assert match is not None
        path = reverse(match.view_name, kwargs={**self.kwargs, "conversation_id": into})
        query = self.request.META.get("QUERY_STRING", "")
        return Response({"id": str(into)}, status=308, headers={"Location": f"{path}?{query}" if query else path})


def acting_user(request: Request) -> UUID:
    """Whose act it is. Raises Problem 422 where an API key names no colleague."""
    if not is_key(request):
        return UUID(str(request.user.pk))
    email = request.headers.get("X-Meridian-User", "").strip().lower()
    found = next((person.user_id for person in colleagues_all() if person.email.lower() == email), None)
    if found is None:
        raise Problem(422, "user_required", "Name the colleague who acts, by e-mail address, in the header X-Meridian-User.")
    return found


def viewing_user(request: Request) -> UUID | None:
    """Whose list `mine` is; None for an API key that names nobody."""
    if is_key(request) and "X-Meridian-User" not in request.headers:
        return None
    return acting_user(request)
