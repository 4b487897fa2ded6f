# One image for every process of Meridian: web, realtime, worker and beat on requirements/web.txt, agents on requirements/agents.txt too.
#   docker build -t meridian .

FROM node:22-bookworm-slim AS frontend
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
COPY templates /build/templates
COPY apps /build/apps
RUN npm run build

FROM python:3.12-slim-bookworm AS packages
RUN pip install --no-cache-dir "uv>=0.9"
WORKDIR /build
COPY requirements/web.txt requirements/agents.txt requirements/
RUN uv venv /opt/meridian/.venv \
 && uv pip install --python /opt/meridian/.venv/bin/python --no-cache --compile-bytecode --require-hashes -r requirements/web.txt -r requirements/agents.txt

FROM python:3.12-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 meridian
WORKDIR /opt/meridian
ENV PATH=/opt/meridian/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.prod \
    MERIDIAN_ENV_FILES=off \
    STATIC_ROOT=/opt/meridian/staticfiles \
    MEDIA_ROOT=/var/lib/meridian/media
COPY --from=packages /opt/meridian/.venv .venv
COPY manage.py pyproject.toml ./
COPY config config
COPY apps apps
COPY agents_worker agents_worker
COPY templates templates
COPY --from=frontend /build/frontend/dist frontend/dist
# Static files are collected while building, with throw-away values for what start-up demands.
RUN SECRET_KEY=build FIELD_KEYS=build DATABASE_URL=postgres://build@build/build REDIS_URL=redis://build \
    LIVEKIT_URL=ws://build LIVEKIT_API_KEY=build LIVEKIT_API_SECRET=build \
    python manage.py collectstatic --noinput \
 && python -m compileall -q config apps agents_worker \
 && mkdir -p /var/lib/meridian/media \
 && chown -R meridian /var/lib/meridian
USER meridian
ENTRYPOINT ["tini", "--"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--blocking-threads", "8", "--no-ws", "config.wsgi:application"]
