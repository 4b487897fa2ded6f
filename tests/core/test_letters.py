"""E-mails look as they should in mail programs that drop style sheets."""

import re

from apps.core.letters import letter_make


def test_the_light_colours_stand_at_the_elements() -> None:
    letter = letter_make(to="a@acme.test", subject="Hello", paragraphs=["Words."], url="https://acme.test/", action="Look")
    page = re.sub(r"<style>.*?</style>", "", str(letter.alternatives[0][0]), flags=re.DOTALL)
    drawn = dict(re.findall(r'class="(mail-[a-z]+)"[^>]*?style="([^"]*)"', page))
    assert set(drawn) == {"mail-page", "mail-brand", "mail-card", "mail-title", "mail-words", "mail-action", "mail-small"}
    assert all("color: #" in style for style in drawn.values())
    assert "background-color: #01625f" in drawn["mail-action"]
