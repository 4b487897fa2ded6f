"""Tax ids by their format."""

import pytest

from apps.billing.taxids import TYPES, tax_id_checked
from apps.core.errors import PermanentError


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_every_example_is_one(kind: object) -> None:
    assert tax_id_checked(kind.code, kind.example.lower())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "value", "wanted"),
    [
        ("eu_vat", "ATU12345678", "ATU12345678"),
        ("eu_vat", " nl 123456789 b 01 ", "NL123456789B01"),
        ("eu_vat", "EL123456789", "EL123456789"),
        ("eu_vat", "IE1234567AB", "IE1234567AB"),
        ("eu_vat", "FRAB123456789", "FRAB123456789"),
        ("ch_vat", "che-123.456.789mwst", "CHE-123.456.789 MWST"),
        ("no_vat", "123456789 mva", "123456789MVA"),
    ],
)
def test_spellings(code: str, value: str, wanted: str) -> None:
    assert tax_id_checked(code, value) == wanted


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("eu_vat", "DE12345678"),
        ("eu_vat", "GB123456789"),
        ("eu_vat", "GR123456789"),
        ("eu_vat", "123456789"),
        ("gb_vat", "GB12345678"),
        ("us_ein", "123-456789"),
        ("in_gst", "12ABCDE3456FGXH"),
        ("jp_trn", "1234567891234"),
        ("eu_vat", ""),
        ("eu_vat", "DE123456789; DROP"),
    ],
)
def test_what_is_none(code: str, value: str) -> None:
    with pytest.raises(PermanentError, match="one looks like"):
        tax_id_checked(code, value)


def test_a_kind_that_nobody_knows() -> None:
    with pytest.raises(PermanentError, match="what kind"):
        tax_id_checked("xx_vat", "1")
