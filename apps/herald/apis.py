"""POST /turn: a channel asks the text agent to answer. The tenant comes from the token."""

from drf_spectacular.utils import extend_schema
from pydantic import ValidationError
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.authentication import TurnTokenAuthentication
from apps.core.errors import Problem, fields_of
from apps.core.openapi import problems
from apps.herald.payloads import TurnAccepted, TurnRequest
from apps.herald.replies import reply_url_own
from apps.herald.services import NotQueued, turn_accept


class TurnView(TokenTenantView):
    authentication_classes = (TurnTokenAuthentication,)  # type: ignore[assignment]

    @extend_schema(
        summary="Have a turn answered",
        description=(
            "Answered at once; the agent's answer comes as events to `reply_url`, which has to be an address of this "
            "installation. The same `turn_id` within an hour is accepted and not answered again."
        ),
        request=TurnRequest,
        responses={202: TurnAccepted, **problems(400, 401, 403, 422)},
        tags=["herald"],
    )
    @in_token_tenant
    def post(self, request: Request) -> Response:
        turn = _turn(request)
        self.require_turn(turn.turn_id)
        self.require_agent(turn.agent_id)
        if not reply_url_own(turn.reply_url):
            why = "reply_url has to be an address of this installation (PUBLIC_URL or API_URL)."
            raise Problem(422, "foreign_reply_url", why, errors=[{"field": "reply_url", "message": why}])
        try:
            turn_accept(turn=turn, token=_bearer(request))
        except NotQueued as error:
            raise Problem(503, "not_queued", str(error)) from error
        return Response({"turn_id": str(turn.turn_id)}, status=202)


def _turn(request: Request) -> TurnRequest:
    try:
        return TurnRequest.model_validate(request.data)
    except ValidationError as error:
        raise Problem(422, "invalid_turn", "The turn cannot be answered; see errors.", errors=fields_of(error)) from error


def _bearer(request: Request) -> str:
    return get_authorization_header(request).decode("latin-1").partition(" ")[2].strip()
