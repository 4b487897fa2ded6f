"""The server's addresses, its key and its life from loading the models to ending the voice."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from embedded.models import CHAT_MODEL, EMBEDDING_MODEL, SPEECH_MODEL, TRANSCRIPTION_MODEL
from embedded.models.chat import Writer
from embedded.models.embeddings import Embedder
from embedded.models.errors import ApiError, api_error_response
from embedded.models.speech import Speaker
from embedded.models.transcription import Transcriber
from embedded.prompts import openings

Endpoint = Callable[[Request], Awaitable[Response]]


def app_make(api_key: str) -> Starlette:
    """Return the app; the models are loaded when it starts and `/healthz` answers once they are."""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        speaker = Speaker()
        try:
            _, app.state.transcriber, app.state.writer, app.state.embedder = await asyncio.gather(
                speaker.start(), asyncio.to_thread(Transcriber), asyncio.to_thread(Writer), asyncio.to_thread(Embedder)
            )
            app.state.speaker = speaker
            reading = asyncio.create_task(app.state.writer.read_ahead(openings()))
            yield
            reading.cancel()
            await app.state.writer.close()
        finally:
            speaker.stop()

    routes = [
        Route("/healthz", _healthz),
        Route("/v1/models", _keyed(api_key, _models)),
        Route("/v1/audio/transcriptions", _keyed(api_key, _transcriptions), methods=["POST"]),
        Route("/v1/audio/speech", _keyed(api_key, _speech), methods=["POST"]),
        Route("/v1/chat/completions", _keyed(api_key, _chat), methods=["POST"]),
        Route("/v1/embeddings", _keyed(api_key, _embeddings), methods=["POST"]),
        Route("/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, lifespan=life, exception_handlers={ApiError: api_error_response})


def _keyed(api_key: str, endpoint: Endpoint) -> Endpoint:
    """Let only requests with `Authorization: Bearer <api_key>` through."""

    async def checked(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode()):
            message = "The API key is wrong; the local models take the key in OPENAI_API_KEY of the running stack."
            raise ApiError(message, status=401, code="invalid_api_key")
        return await endpoint(request)

    return checked


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _models(_: Request) -> Response:
    names = (TRANSCRIPTION_MODEL, CHAT_MODEL, SPEECH_MODEL, EMBEDDING_MODEL)
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in names]
    return JSONResponse({"object": "list", "data": data})


async def _transcriptions(request: Request) -> Response:
    transcriber: Transcriber = request.app.state.transcriber
    return await transcriber.endpoint(request)


async def _speech(request: Request) -> Response:
    speaker: Speaker = request.app.state.speaker
    return await speaker.endpoint(request)


async def _chat(request: Request) -> Response:
    writer: Writer = request.app.state.writer
    return await writer.endpoint(request)


async def _embeddings(request: Request) -> Response:
    embedder: Embedder = request.app.state.embedder
    return await embedder.endpoint(request)


async def _unknown(request: Request) -> Response:
    message = (
        f"{request.method} {request.url.path} is not here; the local models answer /v1/chat/completions, "
        "/v1/audio/transcriptions, /v1/audio/speech, /v1/embeddings and /v1/models."
    )
    raise ApiError(message, status=404, code="unknown_url")
