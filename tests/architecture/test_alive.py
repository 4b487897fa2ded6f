"""The file by which compose.yaml sees that a Celery process works."""

from pathlib import Path

import pytest
from celery import Celery
from celery.signals import after_task_publish, beat_init

from config.alive import Alive, _beat_watch, _sent, alive_watch
from embedded.ports import port_free
from embedded.valkey import Valkey
from tests.celery_side import celery_running
from tests.embedded.waiting import wait_until


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_a_worker_touches_it_only_while_it_hears_its_queue(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    with (
        Valkey(tmp_path, port_free()) as valkey,
        celery_running(
            "turns", tmp_path / "turns.log", patience=120, MERIDIAN_ALIVE_FILE=str(alive), REDIS_URL=valkey.url
        ) as turns,
    ):
        wait_until(alive.exists, 60)
        alive.unlink()
        wait_until(alive.exists, 60)
        valkey.stop()
        wait_until(lambda: turns.logged("Trying again in 2.00 seconds"), 60)
        alive.unlink()
        wait_until(lambda: turns.logged("Trying again in 6.00 seconds"), 60)  # longer than it touches it every time
        assert not alive.exists()
        valkey.start()
        wait_until(alive.exists, 60)


def test_beat_touches_it_whenever_a_task_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = tmp_path / "alive"
    app = Celery("alone")
    alive_watch(app)  # nothing is asked for: nothing is watched
    beat_init.send(app)
    after_task_publish.send("a.task")
    assert Alive not in app.steps["consumer"]
    monkeypatch.setenv("MERIDIAN_ALIVE_FILE", str(alive))
    alive_watch(app)
    try:
        after_task_publish.send("a.task")  # by a process that is not beat
        assert not alive.exists()
        beat_init.send(app)
        after_task_publish.send("a.task")
        assert alive.exists()
    finally:
        beat_init.disconnect(_beat_watch)
        after_task_publish.disconnect(_sent)
