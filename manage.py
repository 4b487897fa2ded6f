#!/usr/bin/env python
"""Runs Meridian's management commands."""

import sys


def main() -> None:
    if sys.argv[1:2] == ["up"]:  # makes the settings that config reads, so it comes before them
        from embedded.up import main as up

        sys.exit(up(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    import config  # noqa: F401  loads the environment, as every process does

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
