from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "apps.billing"
    label = "billing"

    def ready(self) -> None:
        from apps.billing import (  # noqa: F401  they register themselves
            effects,
            effects_dunning,
            effects_limits,
            effects_metering,
            effects_seats,
            handlers,
            tasks_limits,
            tasks_metering,
            tasks_rollups,
            tasks_stripe,
        )
        from apps.billing.seats import seat_admit, seat_look, seat_tell
        from apps.billing.services.plans import plan_resume, seats_add, subscription_end, trial_start
        from apps.billing.webhooks import stripe_webhook
        from apps.core.early import early_register
        from apps.tenants.lifecycle import lifecycle_register
        from apps.tenants.seats import seats_register

        early_register("/stripe/webhook", stripe_webhook)
        lifecycle_register("joined", "plan", lambda tenant: trial_start(tenant=tenant))
        lifecycle_register("stopped", "plan", lambda tenant: subscription_end(tenant=tenant))
        lifecycle_register("returned", "plan", lambda tenant: plan_resume(tenant=tenant))
        seats_register(seat_look, lambda tenant, count: seats_add(tenant=tenant, count=count), seat_admit, seat_tell)
