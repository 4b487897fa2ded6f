"""How the caller feels, for each thing they say."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Literal, Protocol

import openai
from openai.types import CompletionUsage
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from agents_worker.contracts import AgentConfig, LlmUsage, SentimentEvent
from agents_worker.providers import ModelFactory, ProviderError, credential_for

logger = logging.getLogger(__name__)

_NEUTRAL = 0.05
_SECONDS = 15.0
# VADER was made for posts. Whoever asks or answers says these in any mood.
_NO_MOOD = ("please", "pls", "plz", "help", "helps", "helping", "support", "want", "yes", "yeah", "yep", "no")
_OFF = frozenset({"", "off", "none"})
_QUESTION = (
    "You rate the sentiment of one sentence a caller said on the phone. Answer with JSON only, "
    '{"score": n}, where n is a number from -1 (very negative) through 0 (neutral) to 1 (very '
    "positive)."
)


class Sentiment(Protocol):
    async def score(self, text: str) -> float | None:
        """From -1 to 1; None when it could not be told."""
        ...

    def usage(self) -> LlmUsage | None:
        """What asking a language model took so far; None where none is asked."""
        ...


class VaderSentiment:
    """English only; a lexicon, on this machine."""

    async def score(self, text: str) -> float | None:
        return float(_analyzer().polarity_scores(text)["compound"])

    def usage(self) -> LlmUsage | None:
        return None


class ModelSentiment:
    """Any language, by asking the agent's language model."""

    def __init__(self, client: openai.AsyncClient, provider: str, model: str) -> None:
        self._client = client
        self._model = model
        self._used = LlmUsage(provider=provider, model=model)

    def usage(self) -> LlmUsage | None:
        return self._used if self._used.input_tokens else None

    async def score(self, text: str) -> float | None:
        try:
            answer = await self._client.chat.completions.create(
                model=self._model,
                messages=[
                    {"role": "system", "content": _QUESTION},
                    {"role": "user", "content": text},
                ],
                temperature=0,
                timeout=_SECONDS,
            )
        except openai.OpenAIError as error:
            logger.warning("the sentiment of an utterance is not known: %s", error)
            return None
        if answer.usage is not None:
            self._used = _added(self._used, answer.usage)
        return score_from(answer.choices[0].message.content or "")


def _added(used: LlmUsage, more: CompletionUsage) -> LlmUsage:
    cached = more.prompt_tokens_details.cached_tokens if more.prompt_tokens_details else 0
    tokens = {
        "input_tokens": used.input_tokens + more.prompt_tokens,
        "input_cached_tokens": used.input_cached_tokens + min(cached or 0, more.prompt_tokens),
        "output_tokens": used.output_tokens + more.completion_tokens,
    }
    return used.model_copy(update=tokens)


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    analyzer = SentimentIntensityAnalyzer()
    for word in _NO_MOOD:
        analyzer.lexicon.pop(word, None)
    return analyzer


def score_from(answer: str) -> float | None:
    """The score in a model's answer, held between -1 and 1; None when there is none."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        score = float(json.loads(answer[start : end + 1])["score"])
    except (ValueError, KeyError, TypeError):
        return None
    return max(-1.0, min(1.0, score))


def sentiment_for(config: AgentConfig, factory: ModelFactory) -> Sentiment | None:
    """VADER for English, the agent's model for other languages, nothing when it is off."""
    wanted = (config.media_bot.sentiment or "").lower()
    if wanted in _OFF:
        return None
    if wanted == "vader" and config.language.lower().startswith("en"):
        return VaderSentiment()
    try:
        credential = credential_for(config, config.llm.provider)
    except ProviderError as error:
        logger.warning("no sentiment: %s", error)
        return None
    return ModelSentiment(factory.openai(credential), config.llm.provider, config.llm.model)


def sentiment_event(text: str, score: float) -> SentimentEvent:
    label: Literal["positive", "neutral", "negative"] = "neutral"
    if score >= _NEUTRAL:
        label = "positive"
    elif score <= -_NEUTRAL:
        label = "negative"
    return SentimentEvent(score=round(score, 4), label=label, text=text)
