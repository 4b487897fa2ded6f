"""E-mails to people: one frame for all of them, as text and as a page (templates/emails)."""

from collections.abc import Sequence

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


def letter_make(
    *,
    to: str | Sequence[str] = (),
    bcc: Sequence[str] = (),
    subject: str,
    paragraphs: list[str],
    url: str = "",
    action: str = "",
    small: str = "",
    sender: str = "Meridian",
) -> EmailMultiAlternatives:
    """Return an e-mail that is ready to be sent. `action` names what the link `url` does, `small` says why it came.

    `bcc`: they do not see each other. A mail server is waited for as long as EMAIL_TIMEOUT says.
    """
    subject = " ".join(subject.split())  # a line break would end the header
    said = [paragraph for paragraph in paragraphs if paragraph]
    values = {"subject": subject, "paragraphs": said, "url": url, "action": action, "small": small, "sender": sender}
    text = render_to_string("emails/notice.txt", values).strip() + "\n"
    letter = EmailMultiAlternatives(subject, text, to=[to] if isinstance(to, str) else list(to), bcc=list(bcc))
    letter.attach_alternative(render_to_string("emails/notice.html", values), "text/html")
    return letter
