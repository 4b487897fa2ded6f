"""What may stand in an HTTP header."""


def header_sendable(value: str) -> bool:
    """Printable ASCII without line breaks; a client refuses the rest, or worse, sends it as another header."""
    return value.isascii() and value.isprintable()
