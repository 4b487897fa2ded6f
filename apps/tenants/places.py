"""Where a new company is, as far as a browser tells: its time zone, and the country of the zone or else of the language."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import TZPATH, available_timezones

from django.utils.translation.trans_real import parse_accept_lang_header
from phonenumbers import SUPPORTED_REGIONS


@dataclass(frozen=True)
class Place:
    """`country` is ISO 3166, `timezone` one of the time zone database; these where nobody knows better."""

    country: str = "US"
    timezone: str = "UTC"


def place_of(*, timezone: str, languages: str) -> Place:
    """From the name that a browser's Intl gives its time zone, and its Accept-Language header; both may be nonsense."""
    zone = _zone(timezone)
    country = _countries().get(zone, "")
    if country not in SUPPORTED_REGIONS:  # UTC is nowhere, and in Antarctica nobody has a number
        country = _region(languages)
    return Place(country or Place.country, zone or Place.timezone)


def _zone(name: str) -> str:
    """By its present name, of which country the database tells: browsers say Asia/Calcutta. Empty for what is no zone."""
    target = _renamed().get(name, name)
    current = target if name not in _countries() and target in _countries() else name
    return current if current in _zones() else ""


def _region(languages: str) -> str:
    """The country of the first language that has one: DE of `de-DE, en;q=0.8`."""
    for tag, _ in parse_accept_lang_header(languages):
        for part in tag.upper().split("-")[1:]:
            if part in SUPPORTED_REGIONS:
                return part
    return ""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _countries() -> dict[str, str]:
    """Time zone to country; the columns of https://data.iana.org/time-zones/tz-link.html, zone.tab."""
    rows = (line.split("\t") for line in _lines("zone.tab") if not line.startswith("#"))
    return {row[2]: row[0] for row in rows if len(row) > 2}


@cache
def _renamed() -> dict[str, str]:
    """Former name to present one: the lines `L present former` of tzdata.zi."""
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {former: present for _, present, former in links}


def _lines(name: str) -> list[str]:
    """A table of the time zone database, from where zoneinfo has its zones; none where it comes without."""
    for folder in TZPATH:
        if (path := Path(folder, name)).is_file():
            return path.read_text("utf-8").splitlines()
    try:
        return resources.files("tzdata.zoneinfo").joinpath(name).read_text("utf-8").splitlines()
    except (ModuleNotFoundError, FileNotFoundError):
        return []
