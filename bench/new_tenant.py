"""A new tenant: seconds to make one, what a request costs with one of them and with many, `migrate_schemas` with nothing to do.

`python -m bench.new_tenant [tenants]`, 500 of them unless told. Processor time is that of the web process, of Postgres, and of
the command; unlike the times it can be trusted on a busy machine.
"""

import json
import sys

import psutil
import psycopg

from bench.figures import percentile
from bench.loadgen import load, request
from bench.product import WebSide, data_folder, web_side
from bench.table import show

PATH = "/call/nobody"  # asks the tenant's own tables, and says that there is no such agent
CONNECTIONS = 4
REQUESTS = 100
STEPS = (1, 100, 200)  # tenants at which a request is looked at, and then at the last
MIGRATED = 200
MAKE = """
import json, time
from apps.tenants.services import tenant_create
seconds = []
for number in range({first}, {last}):
    began = time.perf_counter()
    tenant_create(slug=f"bench{{number}}", name=f"Bench {{number}}")
    seconds.append(time.perf_counter() - began)
print(json.dumps(seconds))
"""


MIGRATE = """
import json, time
from django.core.management import call_command
from django.db import connection
statements = []
began, spent = time.perf_counter(), time.process_time()
with connection.execute_wrapper(lambda run, *given: (statements.append(1), run(*given))[1]):
    call_command("migrate_schemas", interactive=False, verbosity=0)
print(json.dumps([time.perf_counter() - began, time.process_time() - spent, len(statements)]))
"""


def made(side: WebSide, first: int, last: int) -> list[float]:
    """Makes the tenants numbered `first` to `last` - 1; the seconds that each took."""
    return [float(value) for value in json.loads(side.python(MAKE.format(first=first, last=last)))]


def asked(side: WebSide, tenants: int) -> list[object]:
    """A page of every tenant in turn, each once before it counts; a row of the table."""

    def build(connection: int) -> list[bytes]:
        numbers = (connection + CONNECTIONS * k for k in range(max(REQUESTS, -(-tenants // CONNECTIONS))))
        return [request("GET", PATH, f"bench{number % tenants}.localhost:{side.port}", {}) for number in numbers]

    load("127.0.0.1", side.port, build, connections=CONNECTIONS)
    before = spent(side)
    result = load("127.0.0.1", side.port, build, connections=CONNECTIONS)
    web, postgres = (1000 * (after - was) / sum(result.statuses.values()) for after, was in zip(spent(side), before, strict=True))
    times = [result.percentile(50), result.percentile(99), web, postgres]
    return [f"GET {PATH} of {tenants} tenants", *times, str(dict(result.statuses))]


def spent(side: WebSide) -> tuple[float, float]:
    """Seconds of processor time so far: the web process with its children, and Postgres with those that it has now."""
    with psycopg.connect(side.database_url) as connection:
        server = psutil.Process(connection.info.backend_pid).ppid()
        return _tree(side.web.pid), _tree(server)


def _tree(pid: int) -> float:
    root = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in [root, *root.children(recursive=True)])


def migrated(side: WebSide, tenants: int) -> list[object]:
    """`migrate_schemas` where nothing is to be done; a row of the table."""
    wall, processor, statements = json.loads(side.python(MIGRATE))
    return [f"migrate_schemas of {tenants}, nothing to do", wall * 1000, "", processor * 1000, "", f"{statements} statements"]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seconds: list[float] = []
    table: list[list[object]] = []
    with data_folder() as folder, web_side(folder) as side:
        for tenants in [*(step for step in STEPS if step < count), count]:
            seconds += made(side, len(seconds), tenants)
            table.append(asked(side, tenants))
            if tenants == MIGRATED:
                table.append(migrated(side, tenants))
    making = ["tenant_create", percentile(seconds, 50) * 1000, percentile(seconds, 99) * 1000, "", "", f"{len(seconds)} tenants"]
    head = ["what", "p50 ms", "p99 ms", "CPU ms", "Postgres CPU ms", ""]
    show("A new tenant, and the cost of having many", head, [making, *table])


if __name__ == "__main__":
    main()
