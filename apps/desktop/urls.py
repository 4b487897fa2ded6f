"""The Agent Desktop's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.desktop.apis import actions, bulk, contacts, conversations, settings

ONE = "conversations/<uuid:conversation_id>"

urlpatterns = [
    path("conversations", conversations.ConversationsAPI.as_view(), name="api-conversations"),
    path("conversations/counts", conversations.CountsAPI.as_view(), name="api-conversation-counts"),
    path("conversations/events", conversations.EventsAPI.as_view(), name="api-conversation-events"),
    path("conversations/bulk", bulk.BulkAPI.as_view(), name="api-conversations-bulk"),
    path(ONE, conversations.ConversationAPI.as_view(), name="api-conversation"),
    path(f"{ONE}/messages", conversations.MessagesAPI.as_view(), name="api-messages"),
    path(f"{ONE}/notes", conversations.NotesAPI.as_view(), name="api-notes"),
    path(f"{ONE}/read", actions.ReadAPI.as_view(), name="api-conversation-read"),
    path(f"{ONE}/claim", actions.ClaimAPI.as_view(), name="api-conversation-claim"),
    path(f"{ONE}/release", actions.ReleaseAPI.as_view(), name="api-conversation-release"),
    path(f"{ONE}/assign", actions.AssignAPI.as_view(), name="api-conversation-assign"),
    path(f"{ONE}/team", actions.ToTeamAPI.as_view(), name="api-conversation-team"),
    path(f"{ONE}/snooze", actions.SnoozeAPI.as_view(), name="api-conversation-snooze"),
    path(f"{ONE}/resolve", actions.ResolveAPI.as_view(), name="api-conversation-resolve"),
    path(f"{ONE}/reopen", actions.ReopenAPI.as_view(), name="api-conversation-reopen"),
    path(f"{ONE}/ai", actions.ToAIAPI.as_view(), name="api-conversation-ai"),
    path("contacts", contacts.ContactsAPI.as_view(), name="api-contacts"),
    path("contacts/<uuid:contact_id>", contacts.ContactAPI.as_view(), name="api-contact"),
    path("contacts/<uuid:contact_id>/merge", contacts.ContactMergeAPI.as_view(), name="api-contact-merge"),
    path("colleagues", conversations.ColleaguesAPI.as_view(), name="api-colleagues"),
    path("teams", settings.TeamsAPI.as_view(), name="api-teams"),
    path("teams/<slug:slug>", settings.TeamAPI.as_view(), name="api-team"),
    path("canned-responses", settings.CannedsAPI.as_view(), name="api-canned-responses"),
    path("canned-responses/<slug:shortcut>", settings.CannedAPI.as_view(), name="api-canned-response"),
]
