"""The realtime process: websockets only; pages and APIs are served by config.wsgi."""

import os

from config.env import env_load

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
env_load()

from django.core.asgi import get_asgi_application  # noqa: E402

http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from apps.calls.consumers import CallsConsumer  # noqa: E402
from apps.compass.consumers import AgentsConsumer  # noqa: E402
from apps.compass.consumers_knowledge import KnowledgeConsumer  # noqa: E402
from apps.desktop.consumers import DeskConsumer  # noqa: E402
from apps.tenants.consumers import NothingConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AuthMiddlewareStack(
            URLRouter(
                [
                    path("ws/agents/", AgentsConsumer.as_asgi()),
                    path("ws/calls/", CallsConsumer.as_asgi()),
                    path("ws/desktop/", DeskConsumer.as_asgi()),
                    path("ws/knowledge/", KnowledgeConsumer.as_asgi()),
                    re_path("", NothingConsumer.as_asgi()),
                ]
            )
        ),
    }
)
