"""The web process: WSGI, because one core serves five times the webhooks that ASGI does."""

import os

from config.env import env_load

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
env_load()

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
