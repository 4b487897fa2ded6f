"""/api/v1/people and /api/v1/invitations: who works here, and who was asked to."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import ADMINS, Access, TenantAPI, person_of, require_scope, tenant_of
from apps.tenants.limits import invitation_refusal
from apps.tenants.models import Invitation, Membership, Role
from apps.tenants.seats import seat_missing
from apps.tenants.selectors import members_of
from apps.tenants.services_people import (
    SeatNeeded,
    invitation_create,
    invitation_resend,
    invitation_withdraw,
    person_activate,
    person_deactivate,
    person_remove,
    role_change,
)

TAGS = ["people"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 409, 422)
MAILS = problems(429)
BIGGEST = 2**63 - 1


class PersonChange(serializers.Serializer[Any]):
    """What is left out stays. Only an owner makes owners, and an API key makes none."""

    role = serializers.ChoiceField(Role.choices, required=False)
    active = serializers.BooleanField(required=False, help_text="False lets them in no more and keeps their place.")


class PersonShape(serializers.Serializer[Membership]):
    """Somebody who works here. `logged_in_at` is their last log-in anywhere on this installation."""

    id = serializers.IntegerField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(Role.choices)
    active = serializers.SerializerMethodField()
    second_factor = serializers.BooleanField()
    logged_in_at = serializers.DateTimeField(source="user.last_login", allow_null=True)

    def get_active(self, member: Membership) -> bool:
        return member.deactivated_at is None and member.user.is_active


class InvitationRequest(serializers.Serializer[Any]):
    """Whom to invite, and as what."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(Role.choices)
    add_seat = serializers.BooleanField(
        default=False,
        help_text="Where all seats are taken: take what is missing, at its price, from today on. A key needs billing:write too.",
    )


class InvitationShape(serializers.Serializer[Invitation]):
    """An invitation that nobody has taken yet; its link works until `expires_at`."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(Role.choices)
    invited_by = serializers.EmailField(source="invited_by.email", default=None, allow_null=True)
    sent_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class PeopleView(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="people"),)


class PeopleAPI(PeopleView):
    @extend_schema(
        summary="List people", operation_id="people_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(PersonShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Everybody who works here, in the order in which they came; the deactivated as well."""
        return page_answer(request, _members(request), PersonShape, ordering=("id",))


class PersonAPI(PeopleView):
    @extend_schema(summary="Read a person", responses={200: PersonShape, **READ}, tags=TAGS)
    def get(self, request: Request, person_id: int) -> Response:
        """One person."""
        return Response(PersonShape(_person(request, person_id)).data)

    @extend_schema(summary="Change a person", request=PersonChange, responses={200: PersonShape, **WRITE}, tags=TAGS)
    def patch(self, request: Request, person_id: int) -> Response:
        """Changes the role, deactivates (and logs out), or activates again. The last owner cannot be touched."""
        member, by = _person(request, person_id), person_of(request)
        asked = PersonChange(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        with transaction.atomic():
            if "role" in given and given["role"] != member.role:
                role_change(membership=member, role=given["role"], by=by)
            if "active" in given:
                change = person_activate if given["active"] else person_deactivate
                change(membership=member, by=by)
        return Response(PersonShape(_person(request, person_id)).data)

    @extend_schema(summary="Remove a person", responses={204: None, **WRITE}, tags=TAGS)
    def delete(self, request: Request, person_id: int) -> Response:
        """Ends their access and their sessions; what they wrote stays."""
        person_remove(membership=_person(request, person_id), by=person_of(request))
        return Response(status=204)


class InvitationsAPI(PeopleView):
    @extend_schema(
        summary="List invitations", operation_id="invitations_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(InvitationShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Those that nobody has taken yet, the newest first."""
        return page_answer(request, _invitations(request), InvitationShape, ordering=("-sent_at", "-id"))

    @extend_schema(
        summary="Invite somebody", request=InvitationRequest, responses={201: InvitationShape, **WRITE, **MAILS}, tags=TAGS
    )
    def post(self, request: Request) -> Response:
        """Sends a mail with a link that works for seven days and once.

        An invitation takes a seat. Where none is free the answer is 409 `seat_needed` with what one more costs.
        """
        asked = InvitationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given, tenant = dict(asked.validated_data), tenant_of(request)
        _not_too_many(request, given["email"])
        if given.pop("add_seat"):
            require_scope(request, "billing", change=True)
            given["seat_price"] = getattr(seat_missing(tenant), "price", None)
        try:
            made = invitation_create(tenant=tenant, by=person_of(request), address=_address(request), **given)
        except SeatNeeded as error:
            raise _seat_problem(error) from None
        return Response(InvitationShape(made).data, status=201)


class InvitationAPI(PeopleView):
    @extend_schema(summary="Withdraw an invitation", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Its link stops working."""
        invitation_withdraw(invitation=_invitation(request, invitation_id))
        return Response(status=204)


class InvitationResendAPI(PeopleView):
    @extend_schema(summary="Send an invitation again", request=None, responses={200: InvitationShape, **READ, **MAILS}, tags=TAGS)
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Sends a new link for another seven days; earlier ones stop working."""
        invitation = _invitation(request, invitation_id)
        _not_too_many(request, invitation.email)
        invitation_resend(invitation=invitation, address=_address(request))
        return Response(InvitationShape(invitation).data)


def _not_too_many(request: Request, email: str) -> None:
    if refusal := invitation_refusal(request, tenant_of(request), email):
        raise Problem(429, "too_many_invitations", refusal)


def _seat_problem(error: SeatNeeded) -> Problem:
    """The price in figures too, and what to send to agree to it."""
    seat = error.seat
    detail = f"{error} Send it again with add_seat true to take it, or withdraw an invitation."
    facts = {"seats": seat.seats, "missing_seats": seat.missing, "seat_price": str(seat.price), "currency": seat.currency}
    return Problem(409, error.code, detail, **facts)


def _address(request: Request) -> str:
    """Where an invitation's link leads, up to the token."""
    return str(request.build_absolute_uri(reverse("join", args=["x"]))[:-1])


def _members(request: Request) -> QuerySet[Membership]:
    return members_of(tenant_of(request))


def _person(request: Request, person_id: int) -> Membership:
    found = _members(request).filter(pk=person_id).first() if person_id <= BIGGEST else None
    if found is None:
        raise Problem(404, "unknown_person", "There is no such person here.")
    return found


def _invitations(request: Request) -> QuerySet[Invitation]:
    return Invitation.objects.filter(tenant=tenant_of(request)).select_related("tenant", "invited_by")


def _invitation(request: Request, invitation_id: UUID) -> Invitation:
    found = _invitations(request).filter(pk=invitation_id).first()
    if found is None:
        raise Problem(404, "unknown_invitation", "There is no such invitation.")
    return found
