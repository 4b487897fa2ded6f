"""What cannot be done at the desktop, each with a stable code and a sentence that says what to do."""

from apps.core.errors import MeridianError


class DeskError(MeridianError):
    """The base of them; `status` is what an API answers."""

    code = "desk_error"
    status = 409
    sentence = "That cannot be done now; reload and look again."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class AlreadyClaimed(DeskError):
    """Somebody was faster. `name` is who."""

    code = "already_claimed"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has claimed this conversation already.")
        self.name = name


class NotAssignee(DeskError):
    code = "not_assignee"
    sentence = "Claim this conversation first; only the one who holds it can reply."


class NotAllowed(DeskError):
    code = "not_allowed"
    status = 403
    sentence = "Somebody else holds this conversation. Ask them, or a supervisor, to do it."


class ChangedSince(DeskError):
    code = "changed_since"
    sentence = "Others have gone on with this conversation since, so that cannot be undone. Look at it again."


class NotColleague(DeskError):
    code = "not_colleague"
    status = 422
    sentence = "That person does not work at this desktop; choose one from the list."


class AtCapacity(DeskError):
    """A person holds as many open conversations as they can."""

    code = "at_capacity"

    def __init__(self, capacity: int) -> None:
        super().__init__(f"You hold {capacity} open conversations, as many as you set. Resolve one, or raise your capacity.")


class StaleGeneration(DeskError):
    code = "stale_generation"
    sentence = "The conversation has changed hands since; this answer was dropped."


class WindowClosed(DeskError):
    code = "window_closed"
    sentence = "The contact last wrote more than 24 hours ago, so only a template can be sent. Choose a template."


class UnknownConversation(DeskError):
    code = "unknown_conversation"
    status = 404
    sentence = "There is no such conversation."


class UnknownContact(DeskError):
    code = "unknown_contact"
    status = 404
    sentence = "There is no such contact. It may be part of another one by now."


class SameContact(DeskError):
    code = "same_contact"
    status = 422
    sentence = "That is this contact already. Choose another one."


class NotSupervisor(DeskError):
    code = "not_supervisor"
    status = 403
    sentence = "Only supervisors make one contact of two. Ask one of them."


class MergeWaits(DeskError):
    code = "merge_waits"
    sentence = "A message to one of them is just being sent. Try again in a moment."


class UnknownMessage(DeskError):
    """Also raised for a status that came before the message it is about; it may be known a moment later."""

    code = "unknown_message"
    status = 404
    sentence = "There is no such message."


class DeletedMessage(DeskError):
    code = "message_deleted"
    sentence = "The message you reply to was deleted. Send yours without quoting it."


class UnknownAttachment(DeskError):
    code = "unknown_attachment"
    status = 422
    sentence = "An attached file is not here, or was sent already. Attach it again."


class UnknownTeam(DeskError):
    code = "unknown_team"
    status = 422
    sentence = "There is no such team; choose one from the list."


class UnknownChannel(DeskError):
    code = "unknown_channel"
    sentence = "No part of this installation can send on this channel."


class EmptyMessage(DeskError):
    code = "empty_message"
    status = 422
    sentence = "Write something, or attach a file, before sending."


class RequestReused(DeskError):
    """The same request id came with other words."""

    code = "request_reused"
    sentence = "This was sent already, with other words. Load the page again to see what was sent."


class ConversationResolved(DeskError):
    code = "resolved"
    sentence = "This conversation is resolved. Reopen it to go on."


class NewerConversation(DeskError):
    code = "newer_conversation"
    sentence = "There is a newer conversation with this contact; go on in that one."


class NoAgent(DeskError):
    code = "no_agent"
    sentence = "No AI agent answers on this number. Map the number to an agent first."


class BadTime(DeskError):
    code = "bad_time"
    status = 422
    sentence = "Choose a time that lies ahead."


class BadTeam(DeskError):
    code = "bad_team"
    status = 422


class BadFile(DeskError):
    code = "bad_file"
    status = 422


class BadSubscription(DeskError):
    code = "bad_subscription"
    status = 422
    sentence = "This browser's push address cannot be used. Allow notifications again in the browser."
