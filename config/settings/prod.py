"""Production behind TLS: what compose.yaml runs."""

from config import env
from config.settings.base import *  # noqa: F403

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = int(env.optional("SECURE_HSTS_SECONDS", "31536000"))
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$", r"^(agents|calls|billing|livekit)/"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STAFF_MFA_REQUIRED = env.flag("STAFF_MFA_REQUIRED", True)
LIVEKIT_URL = env.required("LIVEKIT_URL")
LIVEKIT_API_KEY = env.required("LIVEKIT_API_KEY")
LIVEKIT_API_SECRET = env.required("LIVEKIT_API_SECRET")
