"""The platform staff's Django admin: public schema only, so tenant tables never show up in it."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.db.models import Model


class PlatformAdminSite(AdminSite):
    """Django's admin without the models of TENANT_APPS."""

    site_header = "Meridian platform"
    site_title = "Meridian platform"
    index_title = "Tenants, people, events and billing"

    def register(self, model_or_iterable: type[Model] | Iterable[type[Model]], *args: Any, **kwargs: Any) -> None:
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        super().register([model for model in models if not _is_tenant_model(model)], *args, **kwargs)


class PlatformAdminConfig(AdminConfig):
    default_site = "apps.core.admin_site.PlatformAdminSite"


def _is_tenant_model(model: type[Model]) -> bool:
    return apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS
