from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """Only brings the commands `up` and `seed_demo`; installed in the dev and test settings."""

    name = "embedded"
    verbose_name = "One-machine default"
