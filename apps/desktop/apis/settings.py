"""Teams and canned responses, as those who direct the desktop keep them."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.desktop.apis.base import TAGS, DeskView, IsAtDesk
from apps.desktop.apis.conversations import valid
from apps.desktop.apis.serializers import CannedRequest, CannedShape, TeamChange, TeamMake, TeamShape, TeamWholeShape
from apps.desktop.models import CannedResponse, Team
from apps.desktop.selectors import canned_all, colleagues_all, teams_all
from apps.desktop.selectors.people import SUPERVISORS
from apps.desktop.services.canned import canned_delete, canned_set
from apps.desktop.services.team import team_create, team_delete, team_update

READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 409, 422)


class IsDirecting(IsAtDesk):
    """Everybody at the desktop reads, those who direct it change; keys by the conversations' scopes."""

    message = "Only supervisors and admins may change this. Ask one of them."
    write = SUPERVISORS


class SettingsView(DeskView):
    permission_classes = (IsDirecting,)


class TeamsAPI(SettingsView):
    @extend_schema(summary="List teams", responses={200: TeamShape(many=True), **READ}, tags=TAGS, operation_id="teams_list")
    def get(self, request: Request) -> Response:
        """Every team."""
        return Response(TeamShape(teams_all(), many=True).data)

    @extend_schema(summary="Make a team", request=TeamMake, responses={201: TeamWholeShape, **WRITE}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Makes a team of these people."""
        asked = valid(TeamMake, request.data)
        made = team_create(user_ids=_people(asked.pop("members")), **_linked(asked))
        return Response(_whole(made.slug), status=201)


class TeamAPI(SettingsView):
    @extend_schema(summary="Read a team", responses={200: TeamWholeShape, **READ}, tags=TAGS, operation_id="team")
    def get(self, request: Request, slug: str) -> Response:
        """One team with its people."""
        return Response(_whole(slug))

    @extend_schema(summary="Change a team", request=TeamChange, responses={200: TeamWholeShape, **WRITE}, tags=TAGS)
    def patch(self, request: Request, slug: str) -> Response:
        """Changes the parts that are given; `members` are all who belong to it from then on. The slug stays."""
        team, asked = _team(slug), valid(TeamChange, request.data)
        members = asked.pop("members", None)
        team_update(team=team, user_ids=None if members is None else _people(members), **_linked(asked))
        return Response(_whole(slug))

    @extend_schema(summary="Delete a team", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, slug: str) -> Response:
        """Its conversations stay, without a team."""
        team_delete(team=_team(slug))
        return Response(status=204)


class CannedsAPI(SettingsView):
    @extend_schema(
        summary="List canned responses", responses={200: CannedShape(many=True), **READ}, tags=TAGS, operation_id="canned_list"
    )
    def get(self, request: Request) -> Response:
        """Every canned response, by its shortcut."""
        return Response(CannedShape(canned_all(), many=True).data)


class CannedAPI(SettingsView):
    @extend_schema(summary="Store a canned response", request=CannedRequest, responses={200: CannedShape, **WRITE}, tags=TAGS)
    def put(self, request: Request, shortcut: str) -> Response:
        """Makes the canned response with this shortcut, or replaces it."""
        return Response(CannedShape(canned_set(shortcut=shortcut, **valid(CannedRequest, request.data))).data)

    @extend_schema(summary="Delete a canned response", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, shortcut: str) -> Response:
        """What was sent with it stays."""
        found = CannedResponse.objects.filter(shortcut=shortcut).first()
        if found is None:
            raise Problem(404, "not_found", "There is no canned response with this shortcut.")
        canned_delete(canned=found)
        return Response(status=204)


def _team(slug: str) -> Team:
    team = teams_all().filter(slug=slug).first()
    if team is None:
        raise Problem(404, "not_found", "There is no such team.")
    return team


def _whole(slug: str) -> dict[str, Any]:
    members = sorted(person.email for person in colleagues_all() if slug in person.teams)
    return {**TeamShape(_team(slug)).data, "members": members}


def _linked(asked: dict[str, Any]) -> dict[str, Any]:
    """The next team as a row. Raises ValidationError where there is none of that slug."""
    if asked.get("next_team"):
        found = Team.objects.filter(slug=asked["next_team"]).first()
        if found is None:
            raise serializers.ValidationError({"next_team": "There is no team with this slug."})
        return {**asked, "next_team": found}
    return {**asked, "next_team": None} if "next_team" in asked else asked


def _people(emails: list[str]) -> list[UUID]:
    """Colleagues by e-mail address. Raises ValidationError that names who is none."""
    known = {person.email.lower(): person.user_id for person in colleagues_all()}
    strangers = sorted({email for email in emails if email.lower() not in known})
    if strangers:
        raise serializers.ValidationError({"members": f"Not at this desktop: {', '.join(strangers)}. Invite them first."})
    return [known[email.lower()] for email in emails]
