"""Memory of the whole embedded stack, local models included, after a quiet half minute.

`python -m bench.idle_memory [seconds]`. The sum of the proportional set sizes of every process, so that a page shared by several
counts once.
"""

import sys
import time

import psutil

from bench.product import data_folder, product
from bench.table import show
from embedded.stack import Stack

MIB = 1024 * 1024
PARTS = ("postgres", "valkey", "livekit", "models", "web", "realtime", "worker", "turns", "beat", "atlas", "media-bot")


def processes(stack: Stack) -> dict[str, list[psutil.Process]]:
    """Every process of the stack with its children, by the name of the part."""
    roots = {name: psutil.Process(stack.process(name).pid) for name in PARTS}
    groups = {name: [root, *root.children(recursive=True)] for name, root in roots.items()}
    seen = {process.pid for group in groups.values() for process in group}
    rest = [process for process in psutil.Process().children(recursive=True) if process.pid not in seen]
    return groups | {"what they are forked from": rest}


def pss(process: psutil.Process) -> float:
    """Proportional set size in MiB; 0 for a process that has just ended."""
    try:
        return float(process.memory_full_info().pss) / MIB
    except psutil.NoSuchProcess:
        return 0.0


def main() -> None:
    wait = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with data_folder() as folder, product(folder) as stack:
        time.sleep(wait)
        table: list[list[object]] = [
            [name, len(group), round(sum(pss(one) for one in group))] for name, group in processes(stack).items()
        ]
    total = sum(int(str(row[2])) for row in table)
    table.append(["**whole stack**", sum(int(str(row[1])) for row in table), f"**{total:,}**"])
    show(f"Idle memory after {wait:.0f} s", ["part", "processes", "PSS MiB"], table)


if __name__ == "__main__":
    main()
