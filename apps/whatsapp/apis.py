"""POST /reply: what Herald says comes back here. The tenant comes from the turn token."""

from drf_spectacular.utils import extend_schema
from pydantic import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.authentication import TurnTokenAuthentication
from apps.core.errors import Problem, fields_of
from apps.core.openapi import problems
from apps.whatsapp.replies import ReplyAccepted, ReplyEvent
from apps.whatsapp.services.replies import REFUSALS, Outcome, Taken, reply_take


class ReplyView(TokenTenantView):
    authentication_classes = (TurnTokenAuthentication,)  # type: ignore[assignment]

    @extend_schema(
        summary="Answer a turn",
        description=(
            "One event each, `seq` from 0 without gaps: `typing`, `message`, and at the end `done`. An event that was taken is "
            "answered as before when it comes again. 409 means that nothing more is wanted, 425 that an earlier event is missing."
        ),
        request=ReplyEvent,
        responses={200: ReplyAccepted, **problems(400, 401, 403, 404, 409, 422, 425)},
        tags=["herald"],
    )
    @in_token_tenant
    def post(self, request: Request) -> Response:
        reply = _reply(request)
        self.require_turn(reply.root.turn_id)
        taken = reply_take(turn_id=reply.root.turn_id, reply=reply)
        if taken.outcome in REFUSALS:
            raise _problem(taken)
        return Response({"accepted": True, "duplicate": taken.outcome == Outcome.DUPLICATE})


def _problem(taken: Taken) -> Problem:
    status, detail = REFUSALS[taken.outcome]
    extra = {"expected": taken.expected} if taken.outcome == Outcome.EARLY else {}
    return Problem(status, taken.outcome.value, detail.format(expected=taken.expected), **extra)


def _reply(request: Request) -> ReplyEvent:
    try:
        return ReplyEvent.model_validate(request.data)
    except ValidationError as error:
        raise Problem(422, "invalid_reply", "The event cannot be taken; see errors.", errors=fields_of(error)) from error
