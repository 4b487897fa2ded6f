"""A new tenant: seconds to make one, and what a request costs when there is one of them and when there are many.

`python -m bench.new_tenant [tenants]`.
"""

import json
import sys

from bench.figures import percentile
from bench.loadgen import load, request
from bench.product import WebSide, data_folder, web_side
from bench.table import show

PATH = "/call/nobody"  # asks the tenant's own tables, and says that there is no such agent
CONNECTIONS = 4
REQUESTS = 100
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


def made(side: WebSide, first: int, last: int) -> list[float]:
    """Makes the tenants numbered `first` to `last` - 1; the seconds that each took."""
    return [float(value) for value in json.loads(side.python(MAKE.format(first=first, last=last)))]


def asked(side: WebSide, tenants: int) -> list[object]:
    """A page of every tenant in turn; a row of the table."""

    def build(connection: int) -> list[bytes]:
        numbers = (connection + CONNECTIONS * k for k in range(REQUESTS))
        return [request("GET", PATH, f"bench{number % tenants}.localhost:{side.port}", {}) for number in numbers]

    load("127.0.0.1", side.port, build, connections=CONNECTIONS)
    result = load("127.0.0.1", side.port, build, connections=CONNECTIONS)
    return [f"GET {PATH} of {tenants} tenants", result.percentile(50), result.percentile(99), str(dict(result.statuses))]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with data_folder() as folder, web_side(folder) as side:
        seconds = made(side, 0, 1)
        table = [asked(side, 1)]
        seconds += made(side, 1, count)
        table.append(asked(side, count))
    making = ["tenant_create", percentile(seconds, 50) * 1000, percentile(seconds, 99) * 1000, f"{len(seconds)} tenants"]
    show("A new tenant, and the cost of having many", ["what", "p50 ms", "p99 ms", ""], [making, *table])


if __name__ == "__main__":
    main()
