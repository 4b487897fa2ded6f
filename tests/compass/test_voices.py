"""ElevenLabs' voices and samples, asked with the real SDK of a stand-in that checks what it is sent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.catalogue import Unanswered, Voice, sample, voices
from apps.compass.services import credential_set
from apps.tenants.models import Tenant, User
from tests.standins.elevenlabs import ElevenLabsStandin
from tests.standins.threads import threaded

ClientFor = Callable[[User, str], Client]


@pytest.fixture
def account(in_acme: Tenant, settings: Any) -> Iterator[ElevenLabsStandin]:
    """Acme's account at ElevenLabs."""
    settings.TOOL_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    with threaded(ElevenLabsStandin(api_key="el-key")) as standin:
        credential_set(provider="elevenlabs", api_key="el-key", base_url=standin.base_url)
        yield standin


def test_every_voice_of_the_account_is_offered_with_what_is_known_of_it(account: ElevenLabsStandin) -> None:
    assert voices("elevenlabs") == [
        Voice("standin", "Stand-in", "female, young, american, conversational", "female", "en"),
        Voice("second", "Zweite", "male", "male", "de"),
        Voice("bare", "bare", "", "", ""),
    ]


def test_voices_are_asked_for_once_in_ten_minutes_and_anew_with_another_key(account: ElevenLabsStandin) -> None:
    voices("elevenlabs")
    voices("elevenlabs")
    assert account.voices_asked == 1
    account.api_key = "el-new"
    credential_set(provider="elevenlabs", api_key="el-new", base_url=account.base_url)
    voices("elevenlabs")
    assert account.voices_asked == 2


def test_a_sample_is_spoken_in_the_language_of_the_agent(account: ElevenLabsStandin) -> None:
    sound, kind = sample(provider="elevenlabs", model="eleven_flash_v2_5", voice="standin", language="de-AT")
    assert (kind, sound[:2]) == ("audio/mpeg", b"\xff\xfb")
    english = sample(provider="elevenlabs", model="eleven_flash_v2_5", voice="standin", language="en")
    assert english[0] and account.texts[0] != account.texts[1]


def test_a_wrong_key_is_told_without_the_key(account: ElevenLabsStandin) -> None:
    account.api_key = "another"
    with pytest.raises(Unanswered, match="does not take the key") as told:
        voices("elevenlabs")
    assert "el-key" not in str(told.value)
    account.problems.clear()  # it was meant to be refused


def test_the_list_can_be_searched_and_narrowed(
    account: ElevenLabsStandin, alice: User, client_for: ClientFor, acme: Tenant
) -> None:
    client = client_for(alice, "acme")

    def names(**filters: str) -> list[str]:
        page = client.get("/compass/agents/voices", {"tts_provider": "elevenlabs", **filters}).content.decode()
        return [name for name in ("Stand-in", "Zweite") if name in page]

    with tenant_context(acme):
        assert names() == ["Stand-in", "Zweite"]
        assert names(voice_gender="male") == ["Zweite"]
        assert names(voice_language="en") == ["Stand-in"]
        assert names(voice_search="conversational") == ["Stand-in"]


def test_an_account_is_its_companys_own(account: ElevenLabsStandin, charlie: User, client_for: ClientFor) -> None:
    page = client_for(charlie, "globex").get("/compass/agents/voices", {"tts_provider": "elevenlabs"}).content.decode()
    assert "Zweite" not in page and "no API key" in page
    assert account.voices_asked == 0
