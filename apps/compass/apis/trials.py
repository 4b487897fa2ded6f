"""/api/v1/agents/{id}/trial: one answer of the draft, and how it came about. Nothing of it becomes a conversation."""

from typing import Annotated, Any, Literal
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.apis.agents import ID, TAGS, AgentsBase
from apps.compass.apis.agents_shapes import Shape
from apps.compass.chat import ChatTurn, Cost, Said, chat, refusal_of
from apps.compass.models.checks import TrialUsage
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.services.checks_usage import trial_usage_record
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.tenants.access import MANAGERS, Access

LONGEST = 4_000  # characters of one message
MOST = 60  # messages of one trial


def _kept(value: Any) -> Any:
    return value.replace("\x00", "") if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST), BeforeValidator(_kept)]


class TrialSaid(Shape):
    """Something said before in this trial."""

    role: Literal["contact", "agent"]
    text: Annotated[str, Field(max_length=20_000)]


class TrialIn(Shape):
    """`history` is what was said before, the oldest first. Tools named in `tool_answers` are answered from it and not run."""

    text: Text
    history: list[TrialSaid] = Field(default_factory=list, max_length=MOST)
    tool_answers: dict[str, Any] = Field(default_factory=dict, max_length=50)


class TrialTool(BaseModel):
    """A tool that the model asked for. `arguments` is null where it wrote no JSON object; `canned` where nothing was run."""

    name: str
    arguments: dict[str, Any] | None
    ok: bool
    result: Any
    seconds: float
    canned: bool


class TrialHandoff(BaseModel):
    team: str | None
    reason: str


class TrialCost(BaseModel):
    """`amount` is null while something in it has no price."""

    amount: str | None
    currency: str


class TrialOut(BaseModel):
    """The answer. `error` says why there is none. Times in seconds; `cost` is null where nothing was used."""

    messages: list[str]
    tools: list[TrialTool]
    handoff: TrialHandoff | None
    prompt: list[dict[str, Any]]
    model: str
    first_token: float | None
    seconds: float
    usage: list[dict[str, Any]]
    cost: TrialCost | None
    troubles: list[str]
    error: str


class TrialView(AgentsBase):
    permission_classes = (Access.of(read=MANAGERS, write=MANAGERS, scope="agents"),)

    @extend_schema(
        operation_id="agents_trial",
        summary="Try the draft in text",
        description=(
            "Waits for the whole answer, 30 seconds at most, and tells the prompt as it was sent, the tools with what went in "
            "and out, and the cost, which is charged. Tools really run, but for those in `tool_answers`. What is published is "
            "tried where there is no draft. 409 `not_now`: a spend limit, or the company's standing, is in the way."
        ),
        parameters=[ID],
        request=TrialIn,
        responses={200: TrialOut, **problems(400, 401, 403, 404, 409, 422)},
        examples=[OpenApiExample("A question", {"text": "When do you open?"}, request_only=True)],
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        agent, given = self.agent(agent_id), TrialIn.model_validate(request.data)
        version = agent_for_trial(agent.pk)
        if refusal := refusal_of(agent.pk):
            raise Problem(409, "not_now", refusal)
        turn = chat().turn(
            version=version,
            history=[Said(said.role, said.text) for said in given.history],
            text=given.text,
            tool_answers=given.tool_answers,
        )
        cost = trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=turn.usage, user_id=self.person(request))
        return Response(_out(turn, cost))


def _out(turn: ChatTurn, cost: Cost | None) -> dict[str, Any]:
    told = {name: value for name, value in turn.as_json().items() if name in TrialOut.model_fields}
    amount = None if cost is None or cost.amount is None else f"{cost.amount:.6f}"
    return TrialOut(**told, cost=TrialCost(amount=amount, currency=cost.currency) if cost else None).model_dump(mode="json")
