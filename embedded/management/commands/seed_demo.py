"""`manage.py seed_demo`: the tenants acme and globex, their people and their Reception; what is there already stays as it is."""

from typing import Any

from django.core.management.base import BaseCommand

from embedded.demo import demo_seed


class Command(BaseCommand):
    """Prints what it made."""

    help = "Make the demo's tenants, people and agents where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed and say what was made."""
        for line in demo_seed() or ["nothing: all of it is there"]:
            self.stdout.write(f"made {line}")
