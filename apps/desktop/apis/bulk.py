"""One act on several conversations."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.openapi import problems
from apps.desktop.apis.base import ACTS_FOR, TAGS, DeskView, acting_user
from apps.desktop.apis.conversations import valid
from apps.desktop.services.conversations.bulk import ACTIONS, MOST, conversations_bulk


class BulkRequest(serializers.Serializer[Any]):
    """What is done with which conversations; each action takes the fields that it takes for one."""

    action = serializers.ChoiceField(choices=ACTIONS)
    conversation_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST)
    assignee_id = serializers.UUIDField(required=False, default=None, allow_null=True, help_text="assign: a colleague's user_id.")
    team_slug = serializers.CharField(
        max_length=63, required=False, default="", allow_blank=True, help_text="team: its slug; empty for everybody."
    )
    until = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="snooze.")
    outcome = serializers.CharField(max_length=120, required=False, default="", allow_blank=True, help_text="resolve.")


class BulkResultShape(serializers.Serializer[Any]):
    """`done`: it is as it was asked for. `changed`: it was not so before."""

    conversation_id = serializers.UUIDField()
    done = serializers.BooleanField()
    changed = serializers.BooleanField()
    status = serializers.IntegerField(help_text="What the request for this one alone would have been answered with.")
    code = serializers.CharField(help_text="Why not: not_allowed, resolved, at_capacity, unknown_conversation, …")
    detail = serializers.CharField()


class BulkShape(serializers.Serializer[Any]):
    """In the order asked, each conversation once."""

    results = BulkResultShape(many=True)
    done = serializers.IntegerField()
    refused = serializers.IntegerField()


class BulkAPI(DeskView):
    @extend_schema(
        summary="Do one thing with several conversations", parameters=[ACTS_FOR], request=BulkRequest,
        responses={200: BulkShape, **problems(400, 401, 403, 422)}, tags=TAGS, operation_id="conversations_bulk",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Assigns, hands to a team, snoozes, resolves or reopens up to 100; each has its own result, and one stops no other."""
        asked = valid(BulkRequest, request.data)
        results = conversations_bulk(user_id=acting_user(request), **asked)
        done = sum(result.done for result in results)
        return Response(BulkShape({"results": results, "done": done, "refused": len(results) - done}).data)
