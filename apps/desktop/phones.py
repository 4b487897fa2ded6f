"""Phone numbers as people write them."""

import phonenumbers


def phone_read(text: str, country: str) -> str | None:
    """A number as people write it, in E.164; None where it is none."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number(number)
        else None
    )
