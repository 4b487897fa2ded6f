"""The server: Graph addresses, the contacts' side, and its life from the handshake to the kept state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from embedded.meta import graph, phone
from embedded.meta.errors import GraphError, graph_error_response
from embedded.meta.hub import Hub
from embedded.meta.settings import Settings


def app_make(settings: Settings) -> Starlette:
    """Return the app; when it starts it takes up what an earlier run has kept."""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.hub = Hub(settings)
        await app.state.hub.start()
        try:
            yield
        finally:
            await app.state.hub.stop()

    routes = [Route("/healthz", _healthz), *phone.routes(), *graph.routes()]
    app = Starlette(routes=routes, lifespan=life, exception_handlers={GraphError: graph_error_response})
    app.router.redirect_slashes = False
    return app


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")
