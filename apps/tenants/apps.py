from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "apps.tenants"
    label = "tenants"

    def ready(self) -> None:
        from allauth.account.signals import password_reset
        from django.contrib.auth.signals import user_logged_in

        from apps.core.api import suspension_register
        from apps.core.early import early_register
        from apps.core.rotation import rotation_register
        from apps.tenants import effects_domains  # noqa: F401  the outbox has to know its sender
        from apps.tenants.audit import audit_start
        from apps.tenants.factors import address_proven, factors_rotate
        from apps.tenants.hosts import domain_allowed
        from apps.tenants.policy import login_stamp
        from apps.tenants.selectors import tenant_is_suspended
        from apps.tenants.services_sso import sso_rotate

        user_logged_in.connect(login_stamp, dispatch_uid="tenants.login_stamp")
        password_reset.connect(address_proven, dispatch_uid="tenants.address_proven")
        audit_start()
        rotation_register(sso_rotate)
        rotation_register(factors_rotate)
        suspension_register(tenant_is_suspended)
        early_register("/domains/allowed", domain_allowed)
