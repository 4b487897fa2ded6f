from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "apps.billing"
    label = "billing"

    def ready(self) -> None:
        from apps.billing import effects_metering, tasks_metering  # noqa: F401  they register themselves
        from apps.billing import effects_limits, tasks_limits  # noqa: F401  they register themselves
        from apps.billing.services.plans import plan_resume, subscription_end, trial_start
        from apps.tenants.lifecycle import lifecycle_register

        from apps.billing import effects, effects_dunning, handlers, tasks_stripe  # noqa: F401  they register themselves
        from apps.billing.webhooks import stripe_webhook
        from apps.core.early import early_register

        early_register("/stripe/webhook", stripe_webhook)
        lifecycle_register("joined", "plan", lambda tenant: trial_start(tenant=tenant))
        lifecycle_register("stopped", "plan", lambda tenant: subscription_end(tenant=tenant))
        lifecycle_register("returned", "plan", lambda tenant: plan_resume(tenant=tenant))
