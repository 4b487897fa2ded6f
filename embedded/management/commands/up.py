"""`manage.py up` for `manage.py help`; manage.py itself calls embedded.up before there are any settings."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from embedded.up import arguments_add, up


class Command(BaseCommand):
    """Hands over to embedded.up."""

    help = "Start Meridian on this machine and keep it running."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the options of embedded.up."""
        arguments_add(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C; the exit status is embedded.up's."""
        sys.exit(up(argparse.Namespace(**options)))
