"""The two charts of a call, each with its finding as the title."""

from collections.abc import Iterable, Sequence
from statistics import median

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.calls.models import CallEvent, EventType
from apps.calls.selectors_pages import Turn
from apps.core.charts import Chart, Series
from apps.core.templatetags.ui import seconds

PARTS = ("e2e", "end_of_turn", "transcription", "llm_first_token", "tts_first_audio")
GOOD, BAD = 0.05, -0.05


def latency_chart(events: Iterable[CallEvent]) -> Chart | None:
    """Seconds from the end of the caller's speech to the first sound of the answer, turn by turn; None without any."""
    measured = [event.data for event in events if event.type == EventType.LATENCY and event.data.get("e2e") is not None]
    if not measured:
        return None
    delays = [float(turn["e2e"]) for turn in measured]
    rows = [[str(number), *(seconds(turn.get(part)) for part in PARTS)] for number, turn in enumerate(measured, 1)]
    columns = [_("Turn"), _("Heard after"), _("End of turn"), _("Transcription"), _("First token"), _("First audio")]
    return Chart(_delay_title(delays), "bars", range(1, len(delays) + 1), [Series(_("Heard after"), delays)], columns, rows, " s")


def _delay_title(delays: Sequence[float]) -> str:
    middle, worst = median(delays), max(delays)
    if len(delays) == 1:
        return _("The answer came after %(delay)s") % {"delay": seconds(worst)}
    return _("Answers came after %(middle)s, at worst %(worst)s") % {"middle": seconds(middle), "worst": seconds(worst)}


def mood_chart(turns: Iterable[Turn]) -> Chart | None:
    """The caller's sentiment, from -1 to 1, utterance by utterance; None with fewer than two."""
    scored = [(turn.score, turn.text) for turn in turns if turn.score is not None]
    if len(scored) < 2:
        return None
    scores = [score for score, _text in scored]
    rows = [[str(number), number_format(round(score, 2), 2), text] for number, (score, text) in enumerate(scored, 1)]
    series = [Series(_("Mood"), scores)]
    columns = [_("Utterance"), _("Mood"), _("Words")]
    ticks = {"-1": _("negative"), "0": _("neutral"), "1": _("positive")}
    title = _mood_title(scores[0], scores[-1])
    return Chart(title, "line", range(1, len(scores) + 1), series, columns, rows, span=(-1, 1), ticks=ticks)


def _mood_title(first: float, last: float) -> str:
    start, end = mood_word(first), mood_word(last)
    if start == end:
        return _("The caller's mood stayed %(mood)s") % {"mood": end}
    return _("The caller's mood went from %(start)s to %(end)s") % {"start": start, "end": end}


def mood_word(score: float) -> str:
    """VADER's own bounds: from 0.05 on positive, to -0.05 negative."""
    if BAD < score < GOOD:
        return _("neutral")
    return _("positive") if score > 0 else _("negative")
