"""How a contact feels, by what they last wrote. VADER is a lexicon of English: other languages tell it nothing."""

from collections.abc import Iterable
from functools import cache
from statistics import fmean

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from apps.core.prepared import prepared
from apps.desktop.models import Conversation

LAST = 5
CHARACTERS = 1000
# VADER was made for posts. Whoever asks or answers says these in any mood.
NO_MOOD = ("please", "pls", "plz", "help", "helps", "helping", "support", "want", "yes", "yeah", "yep", "no")
SAID = (
    "SELECT text FROM desktop_message WHERE conversation_id = %s AND author = 'contact' AND text <> ''"
    " ORDER BY at DESC, id DESC LIMIT %s"
)


def sentiment_now(conversation: Conversation) -> float | None:
    """-1 to 1 over the contact's last five texts; None where no word of them tells."""
    with prepared(SAID, [conversation.pk, LAST]) as cursor:
        return sentiment_of(text for (text,) in cursor.fetchall())


def sentiment_refresh(conversation: Conversation) -> None:
    """Sets how its contact feels by now, unsaved; as it was where no word tells."""
    feels = sentiment_now(conversation)
    conversation.sentiment = conversation.sentiment if feels is None else feels


def sentiment_of(texts: Iterable[str]) -> float | None:
    """The mean of those texts in which a word tells something."""
    scores = [_analyzer().polarity_scores(text[:CHARACTERS])["compound"] for text in texts]
    told = [score for score in scores if score]
    return round(fmean(told), 4) if told else None


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    analyzer = SentimentIntensityAnalyzer()
    for word in NO_MOOD:
        analyzer.lexicon.pop(word, None)
    return analyzer
