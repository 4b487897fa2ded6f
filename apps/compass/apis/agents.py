"""`/api/v1/agents`: everything that the agent pages do, for programs."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import ValidationError
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.compass.apis.agents_shapes import (
    AgentList,
    AgentOut,
    AgentPage,
    ChangeList,
    CopyIn,
    DraftChange,
    ImportIn,
    NewAgent,
    PublishIn,
    VersionList,
    VersionOut,
    VersionPage,
    agent_out,
    change_out,
    version_out,
)
from apps.compass.diffs import versions_diff
from apps.compass.models import Agent, AgentVersion
from apps.compass.selectors import AgentUnavailable
from apps.compass.selectors.versions import agent_row, config_whole, version_head, version_numbered, versions_of
from apps.compass.services import (
    agent_delete,
    agent_disable,
    agent_draft_save,
    agent_duplicate,
    agent_enable,
    agent_export,
    agent_import,
    agent_publish,
    agent_rename,
    draft_discard,
    slug_free,
    version_restore,
)
from apps.compass.services.agents import AgentInUse, DraftChanged
from apps.compass.services.config import ConfigInvalid
from apps.compass.services.starting import agent_start
from apps.compass.services.transfer import AgentDocument
from apps.compass.starters import STARTERS
from apps.core.errors import PermanentError, Problem, fields_of
from apps.core.numbers import whole_number
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer
from apps.tenants.access import ADMINS, MANAGERS, Access, APIKeyAuthentication

TAGS = ["agents"]
ID = OpenApiParameter("agent_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)


class AgentsBase(APIView):
    """Session or API key with the scope agents; what a service refuses leaves as problem+json."""

    authentication_classes = (APIKeyAuthentication, SessionAuthentication)
    permission_classes = (Access.of(read=MANAGERS, write=ADMINS, scope="agents"),)

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(_problem(exc))

    def agent(self, agent_id: Any) -> Agent:
        return get_object_or_404(Agent, pk=agent_id)

    def person(self, request: Request) -> UUID | None:
        """Who acts; None for an API key."""
        return UUID(str(request.user.pk)) if request.user and request.user.pk else None


def _problem(error: Exception) -> Exception:
    if isinstance(error, ConfigInvalid):
        pairs = [sentence.partition(": ") for sentence in error.errors]
        errors = [{"field": place if text else "config", "message": text or place} for place, _colon, text in pairs]
        return Problem(422, "invalid", str(error), errors=errors)
    if isinstance(error, ValidationError):
        return Problem(422, "invalid", "Some fields are not right; see errors.", errors=fields_of(error))
    if isinstance(error, DraftChanged):
        return Problem(409, "draft_changed", str(error), base=error.theirs.base)
    if isinstance(error, AgentInUse):
        return Problem(409, "agent_in_use", str(error), numbers=error.numbers)
    if isinstance(error, AgentUnavailable):
        return Problem(409, error.code, error.message)
    return Problem(409, "refused", str(error)) if isinstance(error, PermanentError) else error


class AgentsView(AgentsBase):
    @extend_schema(summary="List agents", parameters=PAGING, responses={200: AgentList, **problems(401, 403)}, tags=TAGS)
    def get(self, request: Request) -> Response:
        return page_answer(request, Agent.objects.all(), AgentPage)

    @extend_schema(
        summary="Create an agent",
        description="From a template (receptionist, booking, support, survey), from a configuration, or from nothing.",
        request=NewAgent,
        responses={201: AgentOut, **problems(401, 403, 409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        given = NewAgent.model_validate(request.data)
        starter = STARTERS.get(given.template or "")
        if given.template and starter is None:
            raise Problem(422, "invalid", f"There is no template {given.template}; there are {', '.join(STARTERS)}.")
        agent = agent_start(
            starter=starter,
            slug=given.slug or slug_free(given.name),
            name=given.name,
            language=given.language,
            config=given.config,
            created_by=self.person(request),
        )
        return Response(agent_out(agent_row(agent)), status=201)


class AgentDetailView(AgentsBase):
    @extend_schema(
        operation_id="agents_get",
        summary="Read an agent",
        parameters=[ID],
        responses={200: AgentOut, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        return Response(agent_out(agent_row(self.agent(agent_id))))

    @extend_schema(
        summary="Change an agent's name or draft",
        description=(
            "Parts of `config` that are left out stay as they are. With `base` (as it was read) a change that somebody else "
            "has made since is answered with 409 `draft_changed`. Callers hear the change once it is published."
        ),
        parameters=[ID],
        request=DraftChange,
        responses={200: AgentOut, **problems(401, 403, 404, 409, 422)},
        tags=TAGS,
    )
    def patch(self, request: Request, agent_id: UUID) -> Response:
        agent, given = self.agent(agent_id), DraftChange.model_validate(request.data)
        if given.config is not None or given.language is not None:
            head = version_head(agent)
            agent_draft_save(
                agent=agent,
                config={**config_whole(head), **(given.config or {})},
                language=given.language,
                created_by=self.person(request),
                base=given.base or head.base,  # what was left out is that version's, not a later one's
            )
        if given.name is not None:
            agent_rename(agent=agent, name=given.name)
        if given.enabled is not None:
            (agent_enable if given.enabled else agent_disable)(agent=agent)
        return Response(agent_out(agent_row(self.agent(agent_id))))

    @extend_schema(
        summary="Delete an agent",
        description="409 `agent_in_use` while a number points to it. Its calls stay.",
        parameters=[ID],
        responses={204: None, **problems(401, 403, 404, 409)},
        tags=TAGS,
    )
    def delete(self, request: Request, agent_id: UUID) -> Response:
        agent_delete(agent=self.agent(agent_id))
        return Response(status=204)


class DuplicateView(AgentsBase):
    @extend_schema(
        operation_id="agents_duplicate",
        summary="Duplicate an agent",
        description="A new agent whose draft is what this one is now, with its checks. Nobody hears it before it is published.",
        parameters=[ID],
        request=CopyIn,
        responses={201: AgentOut, **problems(401, 403, 404, 409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        agent, given = self.agent(agent_id), CopyIn.model_validate(request.data or {})
        name = given.name or (_("Copy of %(name)s") % {"name": agent.name})[:120]
        copy = agent_duplicate(agent=agent, name=name, created_by=self.person(request))
        return Response(agent_out(agent_row(copy)), status=201)


class DraftView(AgentsBase):
    @extend_schema(
        operation_id="agents_draft_discard",
        summary="Discard the draft",
        description="What is published stays as it is. 409 where nothing was ever published: the draft is all there is then.",
        parameters=[ID],
        responses={204: None, **problems(401, 403, 404, 409)},
        tags=TAGS,
    )
    def delete(self, request: Request, agent_id: UUID) -> Response:
        draft_discard(agent=self.agent(agent_id))
        return Response(status=204)


class PublishView(AgentsBase):
    @extend_schema(
        summary="Publish the draft",
        parameters=[ID],
        request=PublishIn,
        responses={200: VersionOut, **problems(401, 403, 404, 409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        given = PublishIn.model_validate(request.data or {})
        version = agent_publish(agent=self.agent(agent_id), published_by=self.person(request), note=given.note, base=given.base)
        return Response(version_out(version))


class VersionsView(AgentsBase):
    @extend_schema(
        summary="List an agent's versions",
        parameters=[ID, *PAGING],
        responses={200: VersionList, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        return page_answer(request, versions_of(self.agent(agent_id)), VersionPage, ordering=("-number",))


class VersionView(AgentsBase):
    @extend_schema(
        operation_id="agents_versions_get",
        summary="Read a version",
        parameters=[ID, NUMBER],
        responses={200: VersionOut, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID, number: int) -> Response:
        return Response(version_out(_version(self.agent(agent_id), number)))


class DiffView(AgentsBase):
    @extend_schema(
        summary="Compare two versions",
        description="`with` is the older one; left out, it is the one before.",
        parameters=[ID, NUMBER, OpenApiParameter("with", int, OpenApiParameter.QUERY)],
        responses={200: ChangeList, **problems(401, 403, 404, 422)},
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID, number: int) -> Response:
        agent, given = self.agent(agent_id), request.query_params.get("with", "")
        earlier = whole_number(given)
        if given and earlier is None:
            raise Problem(422, "invalid", "with is the number of a version.")
        new = _version(agent, number)
        old = _version(agent, earlier) if earlier is not None else versions_of(agent).filter(number__lt=number).first()
        return Response({"changes": [change_out(change) for change in versions_diff(old, new)]})


class RestoreView(AgentsBase):
    @extend_schema(
        summary="Make an older version the draft",
        parameters=[ID, NUMBER],
        request=None,
        responses={200: VersionOut, **problems(401, 403, 404, 409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID, number: int) -> Response:
        agent = self.agent(agent_id)
        _version(agent, number)
        return Response(version_out(version_restore(agent=agent, number=number, restored_by=self.person(request))))


class ExportView(AgentsBase):
    @extend_schema(
        summary="Export an agent",
        description="Its newest state as one document, without any secret; `secrets` names those that its tools need.",
        parameters=[ID],
        responses={200: AgentDocument, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        return Response(agent_export(version_head(self.agent(agent_id))))


class ImportView(AgentsBase):
    @extend_schema(
        summary="Import an agent",
        description="Makes a new agent, or the draft of `agent_id`. `notes` says what is left to do.",
        request=ImportIn,
        responses={201: AgentOut, **problems(401, 403, 404, 409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        given = ImportIn.model_validate(request.data)
        agent = self.agent(given.agent_id) if given.agent_id else None
        draft, notes = agent_import(document=given.document, agent=agent, created_by=self.person(request))
        return Response({**agent_out(agent_row(draft.agent)), "notes": notes}, status=201)


def _version(agent: Agent, number: int) -> AgentVersion:
    version = version_numbered(agent, number) if number < 2**31 else None
    if version is None:
        raise Problem(404, "not_found", f"{agent} has no version {number}.")
    return version
