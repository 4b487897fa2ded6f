from django.apps import AppConfig


class WhatsAppConfig(AppConfig):
    name = "apps.whatsapp"
    label = "whatsapp"

    def ready(self) -> None:
        from apps.core.early import early_api_register, early_register
        from apps.desktop.channels import channel_register, files_register, opener_register
        from apps.desktop.numbers import numbers_register
        from apps.desktop.services.conversations.joining import joined_register
        from apps.tenants.lifecycle import lifecycle_register
        from apps.whatsapp import effects, handlers  # noqa: F401  they register themselves
        from apps.whatsapp.apis import ReplyView
        from apps.whatsapp.channel import WhatsAppChannel
        from apps.whatsapp.files import FILE_LIMITS
        from apps.whatsapp.lines import numbers_of
        from apps.whatsapp.services.joining import conversations_joined
        from apps.whatsapp.services.numbers import numbers_resume
        from apps.whatsapp.tools import tools_register
        from apps.whatsapp.webhooks import meta_webhook

        channel = WhatsAppChannel()
        channel_register(channel)
        opener_register(channel)
        files_register(channel.name, FILE_LIMITS)
        joined_register("whatsapp", conversations_joined)
        numbers_register("whatsapp", numbers_of)
        lifecycle_register("returned", "whatsapp", lambda tenant: numbers_resume(tenant=tenant))
        early_register("/meta/webhook", meta_webhook)
        early_api_register("/reply", ReplyView.as_view())
        tools_register()
