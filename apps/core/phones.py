"""Phone numbers as people write them."""

import phonenumbers


def phone_e164(text: str, country: str | None) -> str | None:
    """A number as people or exchanges write it, in E.164; None where it is none. `country` (ISO 3166) reads national ones."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
