"""The test suite: the same parts, cheap password hashes, hints and tasks under the tests' control."""

from config.settings.base import *  # noqa: F403
from config.settings.base import CACHES, INSTALLED_APPS, MIDDLEWARE, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "embedded"]
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]  # no collected files in tests
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
HINTS_BESIDE = False
# A Redis that stands still on a busy machine is not away: away is a port that nobody has.
CACHES = {"default": {**CACHES["default"], "OPTIONS": {"socket_timeout": 30, "socket_connect_timeout": 30}}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
