from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.fields import WrongKey
from apps.core.rotation import fields_rotate


class Command(BaseCommand):
    help = "Encrypts every stored secret of every tenant anew with the first key of FIELD_KEYS; then old keys can be taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = fields_rotate()
        except WrongKey as error:
            raise CommandError(f"{error} Nothing is lost: run this again afterwards.") from error
        for schema, count in done.items():
            self.stdout.write(f"{schema}: {count} values")
        self.stdout.write("Every value is written with the first key now. The other keys can be taken out of FIELD_KEYS.")
