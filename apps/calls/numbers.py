"""Called numbers in one form: E.164 where they parse, else the PBX extension as it came."""

from apps.core.phones import phone_e164

EXTENSION_DIGITS = 6


def number_normalise(raw: str, country: str) -> str:
    """`(212) 555-0100` of a US tenant becomes `+12125550100`; extension `100` stays. `country` is ISO 3166."""
    text = raw.strip().removeprefix("sip:").partition("@")[0]
    digits = "".join(character for character in text if character.isdigit())
    if len(digits) <= EXTENSION_DIGITS and not text.startswith("+"):
        return text
    return phone_e164(text, country) or phone_e164("+" + digits, None) or text


def number_candidates(normal: str) -> list[str]:
    """Under which forms a normalised number may be mapped, the likeliest first: exchanges often drop the plus sign."""
    return list(dict.fromkeys([normal, "+" + normal.lstrip("+")]))


def number_valid(raw: str) -> bool:
    """True for what can stand in a To header: a number or an extension, no spaces or controls once normalised."""
    return bool(raw) and len(raw) <= 64 and raw.isprintable() and not any(character.isspace() for character in raw)
