"""Every sentence the worker speaks on its own account, by language."""

from __future__ import annotations

from typing import Literal

Phrase = Literal["filler", "apology", "time_up", "recovered", "unavailable"]

_PHRASES: dict[str, dict[Phrase, str]] = {
    "en": {
        "filler": "One moment, please.",
        "apology": "I am sorry, I cannot answer right now. Please call again later. Goodbye.",
        "time_up": "We have reached the time limit of this call. Thank you, and goodbye.",
        "recovered": "Sorry, I lost you for a moment. Please go on.",
        "unavailable": "I am sorry, nobody can take your call right now. Please call again later.",
    },
    "de": {
        "filler": "Einen Moment, bitte.",
        "apology": "Es tut mir leid, ich kann gerade nicht antworten. Bitte rufen Sie später wieder an. Auf Wiederhören.",
        "time_up": "Die Höchstdauer dieses Anrufs ist erreicht. Vielen Dank und auf Wiederhören.",
        "recovered": "Entschuldigung, ich hatte Sie kurz verloren. Bitte sprechen Sie weiter.",
        "unavailable": "Es tut mir leid, im Moment kann niemand Ihren Anruf annehmen. Bitte rufen Sie später wieder an.",
    },
    "fr": {
        "filler": "Un instant, s'il vous plaît.",
        "apology": "Je suis désolé, je ne peux pas répondre pour le moment. Veuillez rappeler plus tard. Au revoir.",
        "time_up": "Nous avons atteint la durée maximale de cet appel. Merci et au revoir.",
        "recovered": "Désolé, je vous ai perdu un instant. Continuez, je vous en prie.",
        "unavailable": "Je suis désolé, personne ne peut prendre votre appel pour le moment. Veuillez rappeler plus tard.",
    },
    "es": {
        "filler": "Un momento, por favor.",
        "apology": "Lo siento, no puedo responder en este momento. Por favor, llame más tarde. Adiós.",
        "time_up": "Hemos llegado al tiempo máximo de esta llamada. Gracias y adiós.",
        "recovered": "Perdone, le he perdido un momento. Continúe, por favor.",
        "unavailable": "Lo siento, nadie puede atender su llamada en este momento. Por favor, llame más tarde.",
    },
    "it": {
        "filler": "Un momento, per favore.",
        "apology": "Mi dispiace, al momento non posso rispondere. La prego di richiamare più tardi. Arrivederci.",
        "time_up": "Abbiamo raggiunto la durata massima di questa chiamata. Grazie e arrivederci.",
        "recovered": "Mi scusi, l'ho persa per un attimo. Continui pure.",
        "unavailable": "Mi dispiace, al momento nessuno può rispondere. La prego di richiamare più tardi.",
    },
    "pt": {
        "filler": "Um momento, por favor.",
        "apology": "Lamento, não consigo responder neste momento. Por favor, ligue mais tarde. Até logo.",
        "time_up": "Atingimos a duração máxima desta chamada. Obrigado e até logo.",
        "recovered": "Desculpe, perdi a ligação por um momento. Continue, por favor.",
        "unavailable": "Lamento, ninguém pode atender a sua chamada neste momento. Por favor, ligue mais tarde.",
    },
    "nl": {
        "filler": "Een ogenblik, alstublieft.",
        "apology": "Het spijt me, ik kan op dit moment geen antwoord geven. Probeert u het later nog eens. Tot ziens.",
        "time_up": "De maximale duur van dit gesprek is bereikt. Hartelijk dank en tot ziens.",
        "recovered": "Sorry, ik was u even kwijt. Gaat u verder.",
        "unavailable": "Het spijt me, er kan nu niemand uw oproep aannemen. Probeert u het later nog eens.",
    },
}

LANGUAGES = frozenset(_PHRASES)


def phrase(name: Phrase, language: str) -> str:
    """The sentence in a language such as `de` or `pt-BR`; in English when it is not known."""
    base = language.replace("_", "-").split("-")[0].lower()
    return _PHRASES.get(base, _PHRASES["en"])[name]
