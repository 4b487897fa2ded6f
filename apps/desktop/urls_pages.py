"""The Agent Desktop on the tenant's host."""

from django.urls import path

from apps.desktop.views import actions, composing, contact, conversation, files, listing, people, settings, starting

ONE = "desktop/<uuid:conversation_id>/"

urlpatterns = [
    path("desktop/", listing.desktop, name="desktop"),
    path("desktop/list", listing.desk_list, name="desktop-list"),
    path("desktop/new", starting.start_form, name="desktop-start-form"),
    path("desktop/start", starting.start, name="desktop-start"),
    path("desktop/presence", people.presence_set, name="desktop-presence"),
    path("desktop/preferences", people.preferences_set, name="desktop-preferences"),
    path("desktop/sort", people.sort_set, name="desktop-sort"),
    path("desktop/push", people.push_set, name="desktop-push"),
    path("desktop/attachments", composing.upload, name="desktop-upload"),
    path("desktop/attachments/<uuid:attachment_id>", files.attachment, name="attachment"),
    path(ONE, conversation.conversation, name="conversation"),
    path(f"{ONE}notice", people.notice, name="conversation-notice"),
    path(f"{ONE}read", actions.read, name="conversation-read"),
    path(f"{ONE}claim", actions.claim, name="conversation-claim"),
    path(f"{ONE}release", actions.release, name="conversation-release"),
    path(f"{ONE}assign", actions.assign, name="conversation-assign"),
    path(f"{ONE}team", actions.to_team, name="conversation-team"),
    path(f"{ONE}snooze", actions.snooze, name="conversation-snooze"),
    path(f"{ONE}resolve", actions.resolve, name="conversation-resolve"),
    path(f"{ONE}reopen", actions.reopen, name="conversation-reopen"),
    path(f"{ONE}ai", actions.to_ai, name="conversation-to-ai"),
    path(f"{ONE}reply", composing.reply, name="conversation-reply"),
    path(f"{ONE}react", composing.react, name="conversation-react"),
    path(f"{ONE}note", composing.note, name="conversation-note"),
    path(f"{ONE}templates", composing.templates, name="conversation-templates"),
    path(f"{ONE}template", composing.template_send, name="conversation-template"),
    path(f"{ONE}contact", contact.contact_save, name="contact-save"),
    path(f"{ONE}tags", contact.tag_add, name="contact-tag-add"),
    path(f"{ONE}untag", contact.tag_remove, name="contact-tag-remove"),
    path("compass/teams/", settings.teams, name="teams"),
    path("compass/teams/new", settings.team_edit, name="team-new"),
    path("compass/teams/<uuid:team_id>", settings.team_edit, name="team-edit"),
    path("compass/teams/<uuid:team_id>/delete", settings.team_remove, name="team-delete"),
    path("compass/responses/", settings.responses, name="responses"),
    path("compass/responses/new", settings.response_edit, name="response-new"),
    path("compass/responses/<int:response_id>", settings.response_edit, name="response-edit"),
    path("compass/responses/<int:response_id>/delete", settings.response_remove, name="response-delete"),
    path("sw.js", files.service_worker, name="service-worker"),
]
