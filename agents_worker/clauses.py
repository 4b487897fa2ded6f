"""Cuts an answer for a voice that takes whole texts: by sentences, and the first one after a clause that can be spoken alone."""

from __future__ import annotations

import re

from livekit.agents import tts
from livekit.agents.tokenize import SentenceStream, SentenceTokenizer, blingfire, token_stream

# in characters: about a second and a half of speech, in which what follows is written and synthesised
_SHORTEST = 25
_SENTENCES = blingfire.SentenceTokenizer(min_sentence_len=20)
_REST = blingfire.SentenceTokenizer(min_sentence_len=1)
_CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[–—](?=\s)")


class FirstClause(SentenceTokenizer):
    """Sentences, with the beginning of an answer cut sooner, so that its sound does not wait for the end of a long one."""

    def tokenize(self, text: str, *, language: str | None = None) -> list[str]:
        """Return the parts of a whole text."""
        sentences = _SENTENCES.tokenize(text)
        return [*_first_clause(sentences[0]), *sentences[1:]] if sentences else []

    def stream(self, *, language: str | None = None) -> SentenceStream:
        """Return the parts of a text that is being written; the last one goes on until whoever writes it ends it."""
        return token_stream.BufferedSentenceStream(tokenizer=_Cutter().parts, min_token_len=1, min_ctx_len=10)


class _Cutter:
    """Cuts what is not spoken yet; all parts but the last are spoken as soon as they are returned."""

    def __init__(self) -> None:
        self._begun = False
        self._in_sentence = False

    def parts(self, text: str) -> list[str]:
        if self._in_sentence:  # the rest of a sentence that sounds already waits for no other, however short it is
            parts = _REST.tokenize(text)
            self._in_sentence = len(parts) < 2
            return parts
        parts = _SENTENCES.tokenize(text)
        if parts and not self._begun:
            parts[:1] = clauses = _first_clause(parts[0])
            self._in_sentence = len(clauses) > 1
        self._begun = self._begun or len(parts) > 1
        return parts


def _first_clause(sentence: str) -> list[str]:
    for end in _CLAUSE_END.finditer(sentence):
        if end.end() >= _SHORTEST:
            return [sentence[: end.end()], sentence[end.end() :].strip()]
    return [sentence]


def spoken_early(voice: tts.TTS) -> tts.TTS:
    """Return a voice that is given an answer while it is written; one that takes words as they come is left as it is."""
    if voice.capabilities.streaming:
        return voice
    return tts.StreamAdapter(tts=voice, sentence_tokenizer=FirstClause())
