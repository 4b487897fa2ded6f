#!/usr/bin/env python
"""Runs Meridian's management commands."""

import os
import sys

from config.env import env_load


def main() -> None:
    if sys.argv[1:2] == ["up"]:  # makes the settings that every other command reads
        from embedded.up import main as up

        sys.exit(up(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    env_load()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
