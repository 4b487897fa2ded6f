"""Vectors of texts from an OpenAI-compatible address (platform.openai.com/docs/api-reference/embeddings).

The installation's own embedding server where EMBEDDING_BASE_URL names one, else the tenant's OpenAI account, else the
installation's. The model is EMBEDDING_MODEL; another one has every document indexed anew.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import openai
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from apps.compass.models import ProviderCredential
from apps.compass.models.knowledge import DIMENSIONS
from apps.compass.outgoing import openai_http
from apps.core.errors import PermanentError, TransientError

BATCH = 32
TIMEOUT = 60.0  # seconds for a batch
QUESTION_TIMEOUT = 4.0
QUESTION_KEPT = 600  # seconds
SHORTENABLE = "text-embedding-3"


class EmbeddingUnavailable(TransientError):
    """The embedding service did not answer, or is busy."""


class EmbeddingRefused(PermanentError):
    """The embedding service refused; trying again cannot help before somebody changes something."""


@dataclass(frozen=True)
class Vectors:
    """One vector for each text, in order; `tokens` as the service counted them."""

    vectors: list[list[float]]
    tokens: int


def embedding_model() -> str:
    """The model that every vector of this installation comes from."""
    return str(settings.EMBEDDING_MODEL)


def embed(texts: list[str], *, timeout: float = TIMEOUT) -> Vectors:
    """Raises EmbeddingUnavailable, EmbeddingRefused. `timeout` in seconds."""
    model = embedding_model()
    shortened = {"dimensions": DIMENSIONS} if model.startswith(SHORTENABLE) else {}
    try:
        answer = (
            _client()
            .with_options(timeout=timeout)
            .embeddings.create(
                model=model,
                input=texts,
                encoding_format="float",
                **shortened,  # type: ignore[arg-type]
            )
        )
    except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
        raise EmbeddingUnavailable(_("The embedding service does not answer, or is busy.")) from error
    except openai.AuthenticationError as error:
        raise EmbeddingRefused(_("The embedding service does not take the API key. Check it under Providers.")) from error
    except openai.OpenAIError as error:
        raise EmbeddingRefused(
            _(
                "The embedding service refused; it may not know the model %(model)s. Whoever runs this installation "
                "sets it in EMBEDDING_MODEL."
            )
            % {"model": model}
        ) from error
    vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
    _check(vectors, len(texts), model)
    return Vectors(vectors, answer.usage.total_tokens if answer.usage else 0)


def embed_question(text: str, *, timeout: float = QUESTION_TIMEOUT) -> Vectors:
    """The vector of a question; asked again within minutes it takes no tokens. Raises as `embed` does."""
    key = f"knowledge.question:{hashlib.sha256(f'{embedding_model()}:{text}'.encode()).hexdigest()}"
    found: list[float] | None = cache.get(key)
    if found is not None:
        return Vectors([found], 0)
    answer = embed([text], timeout=timeout)
    cache.set(key, answer.vectors[0], QUESTION_KEPT)
    return answer


def embedding_usage(tokens: int) -> dict[str, Any]:
    """A usage row, as contracts.md (Billing) writes it."""
    return {"kind": "embedding", "provider": "openai", "model": embedding_model(), "input_tokens": tokens}


def _check(vectors: list[list[float]], count: int, model: str) -> None:
    if len(vectors) != count or any(len(vector) != DIMENSIONS for vector in vectors):
        raise EmbeddingRefused(
            _(
                "The embedding model %(model)s gives vectors of another length than the %(wanted)s numbers that are kept here. "
                "Choose another one in EMBEDDING_MODEL."
            )
            % {"model": model, "wanted": DIMENSIONS}
        )


def _client() -> openai.OpenAI:
    own = settings.EMBEDDING_DEFAULTS
    if not own["base_url"]:
        row = ProviderCredential.objects.filter(provider="openai").first()
        own = row.secret if row else settings.PROVIDER_DEFAULTS["openai"]
    if not own.get("api_key"):
        raise EmbeddingRefused(_("Indexing needs an API key for OpenAI. Add one under Providers, and try again."))
    return _client_for(str(own["api_key"]), own.get("base_url") or None)


@lru_cache(maxsize=256)
def _client_for(api_key: str, base_url: str | None) -> openai.OpenAI:
    return openai.OpenAI(api_key=api_key, base_url=base_url, max_retries=0, http_client=openai_http(base_url))
