"""People's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.tenants import apis_people as people

urlpatterns = [
    path("people", people.PeopleAPI.as_view(), name="api-people"),
    path("people/<int:person_id>", people.PersonAPI.as_view(), name="api-person"),
    path("invitations", people.InvitationsAPI.as_view(), name="api-invitations"),
    path("invitations/<uuid:invitation_id>", people.InvitationAPI.as_view(), name="api-invitation"),
    path("invitations/<uuid:invitation_id>/resend", people.InvitationResendAPI.as_view(), name="api-invitation-resend"),
]
