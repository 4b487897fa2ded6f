"""Where a company is, by what its browser says of itself."""

import pytest

from apps.tenants import places
from apps.tenants.places import Place, place_of


@pytest.mark.parametrize(
    ("timezone", "languages", "place"),
    [
        ("Europe/Berlin", "en-US,en;q=0.9", Place("DE", "Europe/Berlin")),
        ("Asia/Calcutta", "en-GB", Place("IN", "Asia/Kolkata")),
        ("Europe/Oslo", "", Place("NO", "Europe/Oslo")),
        ("US/Eastern", "", Place("US", "America/New_York")),
        ("UTC", "de-AT,de;q=0.9,en-US;q=0.8", Place("AT", "UTC")),
        ("Antarctica/Troll", "nb-NO", Place("NO", "Antarctica/Troll")),
        ("", "zh-Hant-TW", Place("TW", "UTC")),
        ("", "de;q=0.5, fr-CA", Place("CA", "UTC")),
        ("UTC", "es-419,de", Place("US", "UTC")),
        ("Mars/Olympus", "", Place("US", "UTC")),
        ("../../etc/passwd", "*", Place("US", "UTC")),
        ("Europe", ";;q=x,-,DE", Place("US", "UTC")),
        ("right/Europe/Berlin", "", Place("US", "UTC")),
        ("Europe/Berlin\x00", "x" * 9000, Place("US", "UTC")),
    ],
)
def test_zone_and_country(timezone: str, languages: str, place: Place) -> None:
    assert place_of(timezone=timezone, languages=languages) == place


def test_without_the_database_tables_the_language_names_the_country(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_lines", lambda name: [])
    for table in (places._countries, places._renamed):
        monkeypatch.setattr(places, table.__name__, table.__wrapped__)
    assert place_of(timezone="Europe/Berlin", languages="de-CH") == Place("CH", "Europe/Berlin")
