"""What templates say and listen for in other languages than English: those in which Atlas has sentences of its own.

A key of GREETINGS is a template's, "" that of an agent begun without one. PERSON are words by which somebody asks for a person,
in addition to the English ones.
"""

GREETINGS: dict[str, dict[str, str]] = {
    "": {
        "de": "Guten Tag, wie kann ich Ihnen helfen?",
        "es": "Hola, ¿en qué puedo ayudarle?",
        "fr": "Bonjour, comment puis-je vous aider ?",
        "it": "Buongiorno, come posso aiutarla?",
        "nl": "Goedendag, waarmee kan ik u helpen?",
        "pt": "Olá, em que posso ajudar?",
    },
    "receptionist": {
        "de": "Guten Tag, hier ist {{agent}} von {{company}}. Wie kann ich Ihnen helfen?",
        "es": "Hola, le atiende {{agent}}, de {{company}}. ¿En qué puedo ayudarle?",
        "fr": "Bonjour, ici {{agent}}, de {{company}}. Comment puis-je vous aider ?",
        "it": "Buongiorno, sono {{agent}} di {{company}}. Come posso aiutarla?",
        "nl": "Goedendag, u spreekt met {{agent}} van {{company}}. Waarmee kan ik u helpen?",
        "pt": "Olá, fala {{agent}}, da {{company}}. Em que posso ajudar?",
    },
    "booking": {
        "de": "Guten Tag, hier ist {{company}}. Möchten Sie einen Termin vereinbaren, verschieben oder absagen?",
        "es": "Hola, le atiende {{company}}. ¿Desea pedir, cambiar o anular una cita?",
        "fr": "Bonjour, ici {{company}}. Souhaitez-vous prendre, déplacer ou annuler un rendez-vous ?",
        "it": "Buongiorno, qui {{company}}. Desidera fissare, spostare o annullare un appuntamento?",
        "nl": "Goedendag, u spreekt met {{company}}. Wilt u een afspraak maken, verzetten of afzeggen?",
        "pt": "Olá, fala da {{company}}. Deseja marcar, alterar ou cancelar uma marcação?",
    },
    "support": {
        "de": "Guten Tag, hier ist der Kundendienst von {{company}}. Womit kann ich Ihnen helfen?",
        "es": "Hola, le atiende el servicio de soporte de {{company}}. ¿En qué puedo ayudarle?",
        "fr": "Bonjour, ici l'assistance de {{company}}. En quoi puis-je vous aider ?",
        "it": "Buongiorno, qui l'assistenza di {{company}}. In che cosa posso aiutarla?",
        "nl": "Goedendag, dit is de klantenservice van {{company}}. Waarmee kan ik u helpen?",
        "pt": "Olá, fala do apoio ao cliente da {{company}}. Em que posso ajudar?",
    },
    "survey": {
        "de": "Guten Tag, hier ist {{agent}} von {{company}}. Haben Sie zwei Minuten Zeit für ein paar Fragen?",
        "es": "Hola, soy {{agent}}, de {{company}}. ¿Tiene dos minutos para unas preguntas?",
        "fr": "Bonjour, ici {{agent}}, de {{company}}. Avez-vous deux minutes pour quelques questions ?",
        "it": "Buongiorno, sono {{agent}} di {{company}}. Ha due minuti per qualche domanda?",
        "nl": "Goedendag, u spreekt met {{agent}} van {{company}}. Heeft u twee minuten voor een paar vragen?",
        "pt": "Olá, fala {{agent}}, da {{company}}. Tem dois minutos para algumas perguntas?",
    },
}
PERSON: dict[str, list[str]] = {
    "de": ["mit einem Menschen", "mit einer Person", "mit einem Mitarbeiter", "mit einer Mitarbeiterin", "mit jemandem sprechen"],
    "es": ["con una persona", "con un humano", "con un agente", "hablar con alguien"],
    "fr": ["à une personne", "à un humain", "à un conseiller", "à quelqu'un"],
    "it": ["con una persona", "con un essere umano", "con un operatore", "parlare con qualcuno"],
    "nl": ["een mens spreken", "met een mens", "met een medewerker", "iemand spreken"],
    "pt": ["com uma pessoa", "com um humano", "com um atendente", "falar com alguém"],
}


def greeting(key: str, language: str) -> str:
    """A template's greeting in a language such as `de` or `de-CH`; nothing where it has none but the English one."""
    return GREETINGS[key].get(_base(language), "")


def person(language: str) -> list[str]:
    """Words of that language by which a person is asked for."""
    return PERSON.get(_base(language), [])


def _base(language: str) -> str:
    return language.partition("-")[0].lower()
