"""Names of the agents that the tests on real parts make: those tests share one company."""

import re
from collections import Counter
from pathlib import Path

E2E = Path(__file__).parent.parent / "e2e"
MADE = re.compile(r"(?:world\.agent\(|answers_with\(world,|_line\(world,)\s*\"([a-z0-9-]+)\"")


def test_no_two_tests_make_an_agent_of_one_name() -> None:
    """Which tests run together depends on their marks, so that a clash may show in one run only."""
    made = Counter(name for path in sorted(E2E.glob("test_*.py")) for name in MADE.findall(path.read_text()))
    assert len(made) > 20, "the pattern still finds them"
    assert [name for name, times in made.items() if times > 1] == []
