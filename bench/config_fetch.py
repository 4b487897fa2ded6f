"""GET /agents/{id} as Atlas asks for it, at a steady rate from a second process: the whole answer, and the conditional one.

`python -m bench.config_fetch [requests]`. The web process as the stack starts it; Postgres and Valkey are real.
"""

import json
import sys

import httpx

from bench.loadgen import load, request
from bench.product import WebSide, data_folder, web_side
from bench.table import show

RATE = 100.0
CONNECTIONS = 8
ISSUE = """
import json
from django_tenants.utils import schema_context
from apps.compass.selectors import agent_by_slug
from apps.core.ids import uuid7
from apps.core.tokens import token_issue
with schema_context("acme"):
    agent = str(agent_by_slug("reception").pk)
token = token_issue(kind="call", tenant="acme", agent_id=agent, subject_id=str(uuid7()), ttl=3600)
print(json.dumps([agent, token]))
"""


def etag_of(side: WebSide, path: str, token: str) -> str:
    """What the answer is known by. Raises HTTPStatusError when there is none."""
    url = f"http://127.0.0.1:{side.port}{path}"
    answer = httpx.get(url, headers={"Host": "localhost", "Authorization": f"Bearer {token}"}, trust_env=False, timeout=20)
    answer.raise_for_status()
    return answer.headers["ETag"]


def measure(side: WebSide, path: str, headers: dict[str, str], count: int) -> list[object]:
    """One row of the table."""
    raw = request("GET", path, "localhost", headers)
    load("127.0.0.1", side.port, lambda n: [raw] * 10, connections=CONNECTIONS)
    result = load("127.0.0.1", side.port, lambda n: [raw] * (count // CONNECTIONS), connections=CONNECTIONS, rate=RATE)
    return [f"{result.rate:.0f}", result.percentile(50), result.percentile(99), dict(result.statuses)]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with data_folder() as folder, web_side(folder) as side:
        agent, token = json.loads(side.python(ISSUE))
        path, bearer = f"/agents/{agent}", {"Authorization": f"Bearer {token}"}
        etag = etag_of(side, path, token)
        table = [
            ["whole answer", *measure(side, path, bearer, count)],
            ["If-None-Match", *measure(side, path, bearer | {"If-None-Match": etag}, count)],
        ]
    show(f"GET /agents/{{id}}, {RATE:.0f} requests a second", ["request", "answers/s", "p50 ms", "p99 ms", "answers"], table)


if __name__ == "__main__":
    main()
