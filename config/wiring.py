"""Where apps that do not know each other are put together; config may import them all."""

from django.apps import AppConfig


class Wiring(AppConfig):
    name = "config"
    label = "wiring"

    def ready(self) -> None:
        """Registrations of one app's selectors with another app's registry."""
        from config.agents import agents_know
        from config.herald import herald_meets_whatsapp

        agents_know()
        herald_meets_whatsapp()

        from config.outside import owners_ask

        owners_ask()

        from config.finance import finance_knows

        finance_knows()

        from config.exports import exports_know

        exports_know()

        from config.metering import usage_counts

        usage_counts()

        from apps.billing.selectors.staff.tenant import suspension_reason
        from apps.tenants.suspension import suspension_reason_register

        suspension_reason_register(suspension_reason)
