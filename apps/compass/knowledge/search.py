"""Finding passages: by meaning (vectors) and by words (Postgres full-text), put together by reciprocal rank fusion."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from apps.compass.knowledge.embedding import (
    QUESTION_TIMEOUT,
    EmbeddingRefused,
    EmbeddingUnavailable,
    embed_question,
    embedding_model,
    embedding_usage,
)
from apps.compass.metering import usage_tell
from apps.core.ids import uuid7

log = structlog.get_logger(__name__)

CANDIDATES = 30
RANK_OFFSET = 60  # of reciprocal rank fusion (Cormack et al., 2009)
BEST = 2 / (RANK_OFFSET + 1)
LEAST_SIMILARITY = 0.25  # below it a passage is about something else; measured with MiniLM
LONGEST_QUESTION = 1_000  # characters

# Both lists see live passages only: those of the generation that their document shows.
LIVE = """compass_passage p JOIN compass_document d ON d.id = p.document_id AND d.generation = p.generation
 WHERE (%(all)s OR d.id = ANY(%(documents)s::uuid[]))"""
SQL = f"""
WITH near AS (
  SELECT id, row_number() OVER (ORDER BY distance) AS place FROM (
    SELECT p.id, p.embedding <=> %(vector)s::vector AS distance FROM {LIVE} AND d.model = %(model)s AND %(vector)s IS NOT NULL
    ORDER BY p.embedding <=> %(vector)s::vector LIMIT {CANDIDATES}) AS nearest
), asked AS (
  SELECT nullif(replace(plainto_tsquery('english', %(question)s)::text, '&', '|'), '')::tsquery AS query
), said AS (
  SELECT id, row_number() OVER (ORDER BY rank DESC, id) AS place FROM (
    SELECT p.id, ts_rank(p.words, asked.query, 1) AS rank FROM asked, {LIVE} AND p.words @@ asked.query
    ORDER BY rank DESC, p.id LIMIT {CANDIDATES}) AS found
), fused AS (
  SELECT id, coalesce(1.0 / ({RANK_OFFSET} + near.place), 0) + coalesce(1.0 / ({RANK_OFFSET} + said.place), 0) AS score,
         said.place IS NOT NULL AS worded
  FROM near FULL JOIN said USING (id)
)
SELECT p.id, p.document_id, d.name, d.address, p.heading, p.page, p.text, p.position, fused.score, fused.worded,
       1 - (p.embedding <=> %(vector)s::vector) AS similarity,
       ts_headline('english', p.text, coalesce(asked.query, ''::tsquery),
                   'StartSel="\ue000", StopSel="\ue001", HighlightAll=true') AS marked
FROM fused JOIN compass_passage p USING (id) JOIN compass_document d ON d.id = p.document_id CROSS JOIN asked
WHERE %(vector)s IS NULL OR d.model <> %(model)s OR 1 - (p.embedding <=> %(vector)s::vector) >= {LEAST_SIMILARITY}
ORDER BY fused.score DESC, similarity DESC NULLS LAST, p.id LIMIT %(top_k)s
"""  # noqa: S608 constants of this module only


@dataclass(frozen=True)
class Found:
    """A passage that may answer. `score` is 1 where it comes first by meaning and by words; `similarity` is the cosine."""

    passage_id: int
    document_id: UUID
    document: str
    address: str
    heading: str
    page: int | None
    text: str
    position: int
    score: float
    similarity: float | None
    worded: bool
    marked: str

    @property
    def source(self) -> dict[str, Any]:
        """What people are shown of where it stands."""
        return {
            "document_id": str(self.document_id),
            "document": self.document,
            "page": self.page,
            "heading": self.heading or None,
            "address": self.address or None,
        }

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is one of the words that were asked for."""
        pieces: list[tuple[str, bool]] = []
        for part in self.marked.split("\ue000"):
            hit, mark, rest = part.partition("\ue001")
            pieces += [(hit, True), (rest, False)] if mark else [(part, False)]
        return [piece for piece in pieces if piece[0]]


@dataclass(frozen=True)
class Findings:
    """What a search found; `words_only` when the embedding service did not answer in time."""

    found: list[Found]
    words_only: bool = False


def knowledge_search(
    question: str, *, documents: Any = "all", top_k: int = 4, timeout: float = QUESTION_TIMEOUT, **asker: Any
) -> Findings:
    """The best passages of the current tenant. `documents`: "all", or ids; `timeout` in seconds is for the embedding service.

    `asker`: agent_id and call_id, where the question is charged to.
    """
    question = " ".join(question.replace("\x00", " ").split())[:LONGEST_QUESTION]
    if not question or not documents:
        return Findings([])
    vector = _vector(question, timeout, asker)
    values = {
        "question": question,
        "vector": None if vector is None else f"[{','.join(map(repr, vector))}]",
        "model": embedding_model(),
        "all": documents == "all",
        "documents": [] if documents == "all" else [str(one) for one in documents],
        "top_k": top_k,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.ef_search = 60")
        cursor.execute(SQL, values)
        return Findings([_found(row) for row in cursor.fetchall()], words_only=vector is None)


def _vector(question: str, timeout: float, asker: dict[str, Any]) -> list[float] | None:
    try:
        answer = embed_question(question, timeout=timeout)
    except (EmbeddingUnavailable, EmbeddingRefused) as error:
        log.warning("question_not_embedded", error=type(error).__name__)
        return None
    if answer.tokens:
        usage_tell("knowledge", f"question:{uuid7()}", [embedding_usage(answer.tokens)], **asker)
    return answer.vectors[0]


def _found(row: tuple[Any, ...]) -> Found:
    passage, document, name, address, heading, page, text, position, score, worded, similarity, marked = row
    near = None if similarity is None else round(float(similarity), 3)
    score = round(min(1.0, float(score) / BEST), 3)
    return Found(passage, document, name, address, heading, page, text, position, score, near, worded, marked)
