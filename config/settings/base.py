"""Settings that every way of running shares. Values come from the environment by config.env."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env.required("SECRET_KEY")
FIELD_KEYS = [key for key in env.required("FIELD_KEYS").split(",") if key]
DEBUG = False

PUBLIC_URL = env.optional("PUBLIC_URL", "http://localhost:8000").rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
PUBLIC_HOSTS = {PUBLIC_HOST, "127.0.0.1", "[::1]", *env.many("PUBLIC_HOSTS")}
TENANT_HOST_SUFFIX = env.optional("TENANT_HOST_SUFFIX", f".{PUBLIC_HOST}")
REALTIME_URL = env.optional("REALTIME_URL", "ws://{host}:8001").rstrip("/")
API_URL = env.optional("API_URL", PUBLIC_URL).rstrip("/")
PLATFORM_HOSTS = [*PUBLIC_HOSTS, TENANT_HOST_SUFFIX, *env.many("ALLOWED_HOSTS")]
ALLOWED_HOSTS = ["*"]  # HostMiddleware decides, which knows the companies' own host names as well
DNS_SERVERS = env.many("DNS_SERVERS")  # who are asked for TXT records; the machine's own unless told
CSRF_TRUSTED_ORIGINS = env.many("CSRF_TRUSTED_ORIGINS")
METRICS_ALLOWED_NETWORKS = env.many("METRICS_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
TOOL_ALLOWED_NETWORKS = env.many("TOOL_ALLOWED_NETWORKS")

SHARED_APPS = [
    "apps.core.admin_site.PlatformAdminConfig",  # before django_tenants, whose admin templates need a tenant on the public host
    "django_tenants",
    "apps.core",
    "apps.tenants",
    "apps.billing",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "django_structlog",
    "django_prometheus",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
TENANT_APPS = ["auditlog", "apps.compass", "apps.desktop", "apps.calls", "apps.whatsapp", "apps.herald"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS, "config.wiring.Wiring"]

TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
ROOT_URLCONF = "config.urls_tenant"
TENANT_LIMIT_SET_CALLS = True
TENANT_BASE_SCHEMA = "tenant_base"  # every new tenant's schema is a copy of it
GET_EXECUTOR_FUNCTION = "apps.tenants.schemas.executor"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]

AUTH_USER_MODEL = "tenants.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 14 * 24 * 3600
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "apps.tenants.policy.TenantLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# What the audit log tells of. Secrets are masked whole; what changes by itself is left out.
AUDITLOG_MASK_CALLABLE = "apps.tenants.audit.masked"
AUDITLOG_USE_FK_STRING_REPRESENTATION = True
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {"model": "tenants.Tenant", "exclude_fields": ["schema_name"]},
    {"model": "tenants.Membership", "exclude_fields": ["tenant"]},
    {"model": "tenants.Invitation", "exclude_fields": ["tenant", "sent_at", "invited_by"]},
    {"model": "tenants.TenantApiKey", "exclude_fields": ["tenant", "hashed_key"]},
    {"model": "tenants.CustomDomain", "exclude_fields": ["tenant", "token"]},
    {"model": "tenants.Domain", "exclude_fields": ["tenant"]},
    {"model": "tenants.SingleSignOn", "mask_fields": ["client_secret"], "exclude_fields": ["tenant", "checked_at"]},
    {"model": "tenants.SingleSignOnIdentity", "exclude_fields": ["tenant"]},
    {"model": "tenants.TenantExport", "include_fields": ["asked_by"]},  # who took everything along
    {"model": "billing.BillingProfile", "exclude_fields": ["tenant", "stripe_asked_at", "standing_since"]},
    {"model": "billing.Subscription", "exclude_fields": ["tenant"]},
    "compass.Agent",
    {"model": "compass.AgentVersion", "exclude_fields": ["config"]},  # its history shows what changed
    {"model": "compass.ProviderCredential", "mask_fields": ["secret"]},
    {"model": "compass.ToolSecret", "mask_fields": ["value"]},
    "compass.Tool",
    "compass.CheckPolicy",
    "compass.CheckScenario",
    {"model": "compass.Document", "include_fields": ["name", "address", "daily"]},
    {"model": "compass.WebhookEndpoint", "mask_fields": ["secret", "old_secret"]},
    "desktop.Team",
    "desktop.TeamMember",
    "desktop.CannedResponse",
    "calls.PhoneNumber",
    {"model": "calls.SipTrunk", "mask_fields": ["auth_password"]},
    {"model": "whatsapp.AgentPhoneMapping", "mask_fields": ["access_token"]},
    {"model": "billing.SpendLimit", "exclude_fields": ["tenant"]},
)

SIGNUP = env.flag("SIGNUP", True)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000  # a price book is one form, with 9 fields for each of its rows
STAFF_MFA_REQUIRED = env.flag("STAFF_MFA_REQUIRED", False)  # the platform's staff need a second factor; prod says yes
PLATFORM_CONTACT = env.optional("PLATFORM_CONTACT")  # whom the people of a suspended company ask: an e-mail address
SIGNUP_PLAN = env.optional("SIGNUP_PLAN", "team")  # the code of the plan that a new company tries
ACCOUNT_ADAPTER = "apps.tenants.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "apps.tenants.account_forms.AddEmailForm",
    "change_password": "apps.tenants.account_forms.ChangePasswordForm",
    "reauthenticate": "apps.tenants.account_forms.ReauthenticateForm",
    "reset_password": "apps.tenants.account_forms.ResetPasswordForm",
    "reset_password_from_key": "apps.tenants.account_forms.ResetPasswordKeyForm",
    "set_password": "apps.tenants.account_forms.SetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"  # told by mail, and not in the way of the first use
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {
    "company_signup": env.optional("SIGNUP_RATE", "10/h/ip"),
    "company_signup_try": "30/h/ip",  # the form says whether a log-in is there
    "company_address": "120/m/ip",
    "invitation_company": env.optional("INVITATION_RATE", "100/d/key"),
    "invitation_address": "10/d/key",  # by whichever companies
    "sso": "30/m/ip",
}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(PUBLIC_URL).scheme
ALLAUTH_TRUSTED_PROXY_COUNT = int(env.optional("NUM_PROXIES", "0"))
MFA_FORMS = {
    "activate_totp": "apps.tenants.account_forms.ActivateAppForm",
    "add_webauthn": "apps.tenants.account_forms.AddPasskeyForm",
}
MFA_ADAPTER = "apps.tenants.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a tenant may require a second factor of people who have not opened the mail yet
MFA_TOTP_ISSUER = "Meridian"
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = PUBLIC_URL.startswith("http://")  # browsers allow passkeys without TLS on localhost only
USERSESSIONS_TRACK_ACTIVITY = False

MIDDLEWARE = [
    "apps.core.early.EarlyMiddleware",
    "apps.tenants.hosts.HostMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.tenants.middleware.TenantMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.tenants.middleware.MembershipMiddleware",
    "apps.tenants.access.IdempotencyMiddleware",
    "apps.tenants.audit.ActorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "apps.core.pages.NulMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "apps.tenants.context.shell",
                "apps.billing.context.standing",
            ],
        },
    }
]
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

DATABASES = {"default": environ.Env.db_url_config(env.required("DATABASE_URL"))}
DATABASES["default"].update(
    ENGINE="apps.core.postgres",
    CONN_MAX_AGE=600,
    CONN_HEALTH_CHECKS=True,
)
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.required("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT = "config.transport:Transport"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CONSUMER = "config.consumer:Consumer"
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_timeout": 30, "socket_connect_timeout": 5}
CELERY_TASK_TENANT_CACHE_SECONDS = 60
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_BEAT_SCHEDULE_FILENAME = env.optional("CELERY_BEAT_SCHEDULE_FILENAME", "celerybeat-schedule")

HINTS_BESIDE = True  # hints to workers and browsers are sent beside the answer instead of before it

INBOX_RETENTION_DAYS = int(env.optional("INBOX_RETENTION_DAYS", "30"))  # of what webhooks said, once it is worked on
OUTBOX_RETENTION_DAYS = int(env.optional("OUTBOX_RETENTION_DAYS", "30"))  # of what was sent, once it is done
EXPORT_RETENTION_DAYS = int(env.optional("EXPORT_RETENTION_DAYS", "14"))  # of the zip files of a company's data

LIVEKIT_URL = env.optional("LIVEKIT_URL")
LIVEKIT_PUBLIC_URL = env.optional("LIVEKIT_PUBLIC_URL", LIVEKIT_URL)
LIVEKIT_API_KEY = env.optional("LIVEKIT_API_KEY")
LIVEKIT_API_SECRET = env.optional("LIVEKIT_API_SECRET")

# What new agents begin with: parts of their configuration, as JSON, such as the models that this installation has.
AGENT_DEFAULTS = json.loads(env.optional("AGENT_DEFAULTS", "{}"))

# What agents use when their tenant has stored no credentials of its own.
PROVIDER_DEFAULTS = {
    "openai": {"api_key": env.optional("OPENAI_API_KEY"), "base_url": env.optional("OPENAI_BASE_URL") or None},
    "deepgram": {"api_key": env.optional("DEEPGRAM_API_KEY"), "base_url": env.optional("DEEPGRAM_BASE_URL") or None},
    "elevenlabs": {"api_key": env.optional("ELEVENLABS_API_KEY"), "base_url": env.optional("ELEVENLABS_BASE_URL") or None},
}

# Where documents are embedded. Without an address of its own: the tenant's OpenAI account, else the platform's.
EMBEDDING_MODEL = env.optional("EMBEDDING_MODEL", "text-embedding-3-small")
EMBEDDING_DEFAULTS = {
    "api_key": env.optional("EMBEDDING_API_KEY", env.optional("OPENAI_API_KEY")),
    "base_url": env.optional("EMBEDDING_BASE_URL") or None,
}

# Meta's app, and what numbers use that have no access token of their own. Without the secret, webhooks are refused.
WHATSAPP_APP_SECRET = env.optional("WHATSAPP_APP_SECRET")
WHATSAPP_VERIFY_TOKEN = env.optional("WHATSAPP_VERIFY_TOKEN")
WHATSAPP_ACCESS_TOKEN = env.optional("WHATSAPP_ACCESS_TOKEN")
WHATSAPP_GRAPH_URL = env.optional("WHATSAPP_GRAPH_URL", "https://graph.facebook.com").rstrip("/")
HERALD_URL = env.optional("HERALD_URL")  # a bot elsewhere; empty: this installation's own Herald, without a request

# Stripe. Without the key invoices stay drafts, and pages say so; a key without its webhook secret stops start-up.
STRIPE_SECRET_KEY = env.optional("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.belonging("STRIPE_WEBHOOK_SECRET", "STRIPE_SECRET_KEY")
STRIPE_API_BASE = env.optional("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
STRIPE_AUTOMATIC_TAX = env.flag("STRIPE_AUTOMATIC_TAX")
# Days until an invoice without a card is due, and days after that until each reminder and the restriction.
INVOICE_DUE_DAYS = int(env.optional("INVOICE_DUE_DAYS", "14"))
DUNNING_DAYS = env.days("DUNNING_DAYS", "3,10,20,30")
BOOKS_CLOSE_DAY = min(28, max(1, int(env.optional("BOOKS_CLOSE_DAY", "10"))))  # of the month after; then its payments are final

# Web Push (VAPID): both keys or neither; without them browsers are not asked for it.
WEBPUSH_PUBLIC_KEY = env.optional("WEBPUSH_PUBLIC_KEY")
WEBPUSH_PRIVATE_KEY = env.optional("WEBPUSH_PRIVATE_KEY")
WEBPUSH_CONTACT = env.optional("WEBPUSH_CONTACT", "mailto:admin@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.errors.problem_handler",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "NUM_PROXIES": int(env.optional("NUM_PROXIES", "0")),
    "DEFAULT_THROTTLE_RATES": {"call_page": env.optional("CALL_PAGE_RATE", "10/min")},
}
SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "apps.tenants.models.Role",
        "ToolKindEnum": "apps.compass.models.tools.Tool.Kind",
        "PhoneOutOfHoursEnum": "apps.calls.models.PhoneNumber.OutOfHours",
        "WhatsAppOutOfHoursEnum": "apps.whatsapp.models.AgentPhoneMapping.OutOfHours",
    },
    "TITLE": "Meridian",
    "DESCRIPTION": "The addresses that Meridian's systems, and your own programs, talk over.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.optional("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "frontend" / "dist"]
MEDIA_ROOT = Path(env.optional("MEDIA_ROOT", str(BASE_DIR / "media")))
MEDIA_URL = "/media/"
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"

EMAIL_TIMEOUT = 10  # seconds: the longest that a mail server is waited for, in a request too
vars().update(environ.Env.email_url_config(env.optional("EMAIL_URL", "consolemail://")))
DEFAULT_FROM_EMAIL = env.optional("DEFAULT_FROM_EMAIL", "Meridian <meridian@localhost>")

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api/docs"],
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:", "mediastream:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'", "ws:", "wss:", LIVEKIT_PUBLIC_URL.replace("ws", "http", 1) or "'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        # The public log-in leads to a tenant's host, and a button on the invoices page to Stripe's portal.
        "form-action": ["'self'", f"*{TENANT_HOST_SUFFIX}:*", *(["https://billing.stripe.com"] if STRIPE_SECRET_KEY else [])],
        "object-src": ["'none'"],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processor": "ext://apps.core.logs.renderer",
            "foreign_pre_chain": "ext://apps.core.logs.foreign_chain",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "console"}},
    "root": {"handlers": ["console"], "level": env.optional("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},  # two lines a second of sweeps that found nothing
        "celery.worker.strategy": {"level": "WARNING"},
        "django_structlog": {"level": env.optional("REQUEST_LOG_LEVEL", "WARNING")},
    },
}
