"""How every bench prints its table, with the machine it ran on."""

import os
import platform
from collections.abc import Sequence


def machine() -> str:
    """Processor, cores and Python, in one line."""
    with open("/proc/cpuinfo") as info:
        name = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown processor")
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a Markdown table."""
    print(f"\n### {title}\n{machine()}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
