"""Why a call that was to be recorded was not, or not to its end."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.calls.models import Call, CallEvent, CallRecording, EventType
from apps.calls.services.media_bots import media_bots_asked
from apps.calls.services.recordings import LATE

NOT_RECORDED = "not_recorded"  # of an error that Media Bot tells


def recording_of(call: Call) -> CallRecording | None:
    return CallRecording.objects.filter(call=call).first()


def why_not_recorded(call: Call, recording: CallRecording | None, events: Iterable[CallEvent]) -> str:
    """A sentence: Media Bot's own, or that it never came. Empty where nothing is amiss. `events`: the call's, in order."""
    told = [event.data.get("message", "") for event in events if _says_so(event)]
    if told:
        return str(told[-1])
    if not call.records or recording is not None or call.ended_at is None or call.answered_at is None:
        return ""
    if any(bot.identity for bot in media_bots_asked(call, speaks=False)):
        if call.ended_at + LATE > timezone.now():
            return ""
        return _("This call was to be recorded and was not: Media Bot, which records, came and sent no sound.")
    return _(
        "This call was to be recorded and was not: Media Bot, which records, never came. "
        "If that happens again, tell whoever runs Meridian: its agents process is full or stopped."
    )


def _says_so(event: CallEvent) -> bool:
    return event.type == EventType.ERROR and event.data.get("code") == NOT_RECORDED
