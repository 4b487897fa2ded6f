"""Documents in Chromium: dropped, watched while they are read, found and deleted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django_tenants.utils import schema_context
from playwright.sync_api import Page, expect
from pytest_django import Settings

from apps.compass.models import Document
from apps.compass.services.knowledge_index import document_work
from tests.browser.test_everyone import sideways, violations
from tests.compass.knowledge_side import HOURS, embeddings_serving

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture(scope="module")
def embeddings() -> Iterator[str]:
    with embeddings_serving() as address:
        yield address


@pytest.fixture(autouse=True)
def _local(settings: Settings, embeddings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMBEDDING_MODEL = "all-minilm-l6-v2"
    settings.EMBEDDING_DEFAULTS = {"api_key": "local", "base_url": embeddings}
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again
    monkeypatch.setattr("apps.compass.services.knowledge._wake", lambda document_id: None)  # the test is the worker


def work(seconds: float) -> None:
    with schema_context("acme"):
        document_work(Document.objects.get(name="hours").pk, seconds=seconds)


@pytest.mark.slow
def test_from_the_upload_to_being_found_and_deleted(as_person: AsPerson, site: Site) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/knowledge/")
    expect(page.get_by_text("No document yet")).to_be_visible()
    assert violations(page) == []
    long = HOURS + b"\n\n".join(b"## Part %d\n\nIt says %s." % (number, b"many words " * 60) for number in range(60))
    page.locator("#knowledge-file").set_input_files(
        [{"name": "hours.md", "mimeType": "", "buffer": long}, {"name": "photo.txt", "mimeType": "", "buffer": b"\x89PNG rest"}]
    )
    expect(page.get_by_text("This is a picture.")).to_be_visible()
    expect(page.get_by_text("Waiting", exact=True)).to_be_visible()
    work(0)
    expect(page.get_by_text("of 63")).to_be_visible()
    work(60)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    page.get_by_label("Ask as a customer would").fill("When are you open on Sundays?")
    expect(page.locator("#found mark").first).to_be_visible()
    expect(page.locator("#found").get_by_text("Acme › Opening hours").first).to_be_visible()
    assert violations(page) == []
    page.locator("#documents").get_by_role("link", name="hours").click()
    expect(page.get_by_text("We are closed on Sundays")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert sideways(page) <= 0
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type hours to delete it").press_sequentially("hours")
    page.get_by_label("Type hours to delete it").blur()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No document yet")).to_be_visible()
