"""Tax ids as Stripe knows them: https://docs.stripe.com/billing/customer/tax-ids. The format is checked, not the number."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import PermanentError


@dataclass(frozen=True)
class TaxIdType:
    """`code` is Stripe's name; `pattern` is what a number looks like, without spaces and in capitals."""

    code: str
    label: str
    pattern: str
    example: str


EU = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"(\d{9}|\d{12})",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}",
}

TYPES = (
    TaxIdType("eu_vat", "EU VAT", "|".join(f"{code}{rest}" for code, rest in EU.items()), "DE123456789"),
    TaxIdType("gb_vat", "United Kingdom VAT", r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})", "GB123456789"),
    TaxIdType("us_ein", "United States EIN", r"\d{2}-?\d{7}", "12-3456789"),
    TaxIdType("ae_trn", "United Arab Emirates TRN", r"\d{15}", "123456789012345"),
    TaxIdType("au_abn", "Australia ABN", r"\d{11}", "12345678912"),
    TaxIdType("br_cnpj", "Brazil CNPJ", r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", "01.234.456/5432-10"),
    TaxIdType("br_cpf", "Brazil CPF", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "123.456.789-87"),
    TaxIdType("ca_bn", "Canada BN", r"\d{9}", "123456789"),
    TaxIdType("ca_gst_hst", "Canada GST/HST", r"\d{9}RT\d{4}", "123456789RT0002"),
    TaxIdType("ch_vat", "Switzerland VAT", r"CHE-?\d{3}\.?\d{3}\.?\d{3}(MWST|TVA|IVA)", "CHE-123.456.789 MWST"),
    TaxIdType("cl_tin", "Chile TIN", r"\d{1,2}\.?\d{3}\.?\d{3}-?[\dK]", "12.345.678-K"),
    TaxIdType("hk_br", "Hong Kong BR", r"\d{8}", "12345678"),
    TaxIdType("id_npwp", "Indonesia NPWP", r"(\d{2}\.?\d{3}\.?\d{3}\.?\d-?\d{3}\.?\d{3}|\d{16})", "12.345.678.9-012.345"),
    TaxIdType("il_vat", "Israel VAT", r"\d{9}", "012345678"),
    TaxIdType("in_gst", "India GST", r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]", "12ABCDE3456FGZH"),
    TaxIdType("is_vat", "Iceland VAT", r"\d{5,6}", "123456"),
    TaxIdType("jp_trn", "Japan registration number", r"T\d{13}", "T1234567891234"),
    TaxIdType("kr_brn", "Korea BRN", r"\d{3}-?\d{2}-?\d{5}", "123-45-67890"),
    TaxIdType("li_uid", "Liechtenstein UID", r"CHE\d{9}", "CHE123456789"),
    TaxIdType("mx_rfc", "Mexico RFC", r"[A-ZÑ&]{3,4}\d{6}[A-Z\d]{3}", "ABC010203AB9"),
    TaxIdType("my_sst", "Malaysia SST", r"[A-Z]\d{2}-\d{4}-\d{8}", "A12-3456-78912345"),
    TaxIdType("no_vat", "Norway VAT", r"\d{9}MVA", "123456789MVA"),
    TaxIdType("nz_gst", "New Zealand GST", r"\d{8,9}", "123456789"),
    TaxIdType("ph_tin", "Philippines TIN", r"\d{9}(\d{3})?", "123456789012"),
    TaxIdType("sa_vat", "Saudi Arabia VAT", r"\d{15}", "123456789012345"),
    TaxIdType("sg_gst", "Singapore GST", r"(M\d{8}[A-Z]|M[A-Z]\d{7}[A-Z]|\d{8,9}[A-Z])", "M12345678X"),
    TaxIdType("sg_uen", "Singapore UEN", r"(\d{8,9}|[TSR]\d{2}[A-Z]{2}\d{4})[A-Z]", "123456789F"),
    TaxIdType("th_vat", "Thailand VAT", r"\d{13}", "1234567891234"),
    TaxIdType("tr_tin", "Türkiye TIN", r"\d{10}", "0123456789"),
    TaxIdType("tw_vat", "Taiwan VAT", r"\d{8}", "12345678"),
    TaxIdType("ua_vat", "Ukraine VAT", r"\d{9,12}", "123456789"),
    TaxIdType("za_vat", "South Africa VAT", r"4\d{9}", "4123456789"),
)
BY_CODE = {one.code: one for one in TYPES}
CHOICES = [("", gettext_lazy("None")), *((one.code, one.label) for one in TYPES)]


def tax_id_checked(code: str, value: str) -> str:
    """The number in one spelling. Raises PermanentError, with an example, when it is none of that type."""
    known = BY_CODE.get(code)
    if known is None:
        raise PermanentError(_("Choose what kind of tax id it is."))
    written = re.sub(r"\s", "", value).upper()
    if not re.fullmatch(known.pattern, written):
        words = {"type": known.label, "example": known.example}
        raise PermanentError(_("This is not a tax id of the type %(type)s; one looks like %(example)s.") % words)
    return written.replace("MWST", " MWST").replace("TVA", " TVA").replace("IVA", " IVA") if code == "ch_vat" else written
