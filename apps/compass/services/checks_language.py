"""Which language a text is in, told by its small words or its script. Unsure is None, never a guess."""

import re

LEAST_WORDS = 4
SMALL_WORDS = {
    "en": "the and you is to of for your can we are it have with what how at i be will",
    "de": "der die das und ist nicht sie ich wir ein eine zu für mit auf haben kann ihr ihnen wie",
    "fr": "le la les et est vous nous je un une de pour avec pas que votre des à êtes bonjour",
    "es": "el la los y es usted nosotros un una de para con no que su por está puedo qué cómo",
    "it": "il la gli e è lei noi un una di per con non che sua posso come può sono grazie",
    "pt": "o a os e é você nós um uma de para com não que seu por está posso como obrigado",
    "nl": "de het en is u wij een van voor met niet dat uw kan ik hoe op zijn we heeft",
    "pl": "i w na z do nie jest to się że jak czy dla pan pani proszę mogę mamy o po",
    "sv": "och är det att en ett för med inte du vi jag kan på som har hur av till er",
    "tr": "ve bir bu için ile de da mi ne nasıl size siz biz var evet hayır çok daha olarak ben",
}
SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("uk", re.compile("[іїєґ]", re.IGNORECASE)),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
LANGUAGES_TOLD = (*SMALL_WORDS, *(language for language, _letters in SCRIPTS))
_known = {language: frozenset(words.split()) for language, words in SMALL_WORDS.items()}


def language_of(text: str) -> str | None:
    """The language's code, such as en; None when it is unknown or two are as likely."""
    for language, letters in SCRIPTS:
        if len(letters.findall(text)) * 5 > len(re.findall(r"\w", text)):
            return language
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if len(words) < LEAST_WORDS:
        return None
    counts = sorted(((sum(word in small for word in words), language) for language, small in _known.items()), reverse=True)
    (most, language), (second, _) = counts[0], counts[1]
    return language if most >= 2 and most > second else None
