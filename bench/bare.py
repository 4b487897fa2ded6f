"""The other side of the ingest ratio: a bare Django view that only verifies the signature and inserts the row."""

import base64
import hashlib
import json
import os

import django
import jwt
from django.conf import settings

settings.configure(
    SECRET_KEY="bench",
    ROOT_URLCONF="bench.bare",
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
    DATABASES={"default": json.loads(os.environ["BARE_DATABASE"])},
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def receive(request: HttpRequest) -> HttpResponse:
    """Verify, insert, 200."""
    claims = jwt.decode(request.headers["Authorization"], os.environ["LIVEKIT_API_SECRET"], algorithms=["HS256"])
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if claims["sha256"] != digest:
        return HttpResponse(status=401)
    event = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bare_event (external_id, payload) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [event["id"], request.body.decode()],
        )
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [path("livekit/webhook", receive)]
application = get_wsgi_application()
