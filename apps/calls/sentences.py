"""What a caller hears when no agent can talk, by language. Media Bot speaks it and the call ends."""

from typing import Any

DEFAULT_LANGUAGE = "en"

# One table, so that a translator sees all of it at once.
SENTENCES: dict[str, dict[str, str]] = {
    "not_in_service": {
        "en": "The number you have called is not in service. Please check it and try again. Goodbye.",
        "de": "Die gewählte Nummer ist nicht vergeben. Bitte prüfen Sie sie und rufen Sie noch einmal an. Auf Wiederhören.",
        "es": "El número al que ha llamado no está en servicio. Compruébelo e inténtelo de nuevo. Adiós.",
        "fr": "Le numéro que vous avez composé n'est pas en service. Veuillez le vérifier et réessayer. Au revoir.",
        "it": "Il numero chiamato non è attivo. La preghiamo di verificarlo e riprovare. Arrivederci.",
        "nl": "Het gekozen nummer is niet in gebruik. Controleer het en probeer het opnieuw. Tot ziens.",
        "pt": "O número que marcou não está em serviço. Verifique-o e tente novamente. Adeus.",
    },
    "unavailable": {
        "en": "Sorry, nobody can take your call at the moment. Please call again later. Goodbye.",
        "de": "Leider kann Ihren Anruf im Moment niemand annehmen. Bitte rufen Sie später noch einmal an. Auf Wiederhören.",
        "es": "Lo sentimos, en este momento nadie puede atender su llamada. Llame de nuevo más tarde. Adiós.",
        "fr": "Désolé, personne ne peut prendre votre appel pour le moment. Veuillez rappeler plus tard. Au revoir.",
        "it": "Ci dispiace, al momento nessuno può rispondere. La preghiamo di richiamare più tardi. Arrivederci.",
        "nl": "Sorry, op dit moment kan niemand uw oproep beantwoorden. Bel later nog eens. Tot ziens.",
        "pt": "Lamentamos, mas de momento ninguém pode atender a sua chamada. Ligue mais tarde. Adeus.",
    },
    "put_through": {
        "en": "Our assistant cannot take your call at the moment. I am putting you through to a colleague. One moment, please.",
        "de": "Unser Assistent kann gerade nicht abnehmen. Ich verbinde Sie mit jemandem aus unserem Team. Einen Moment, bitte.",
        "es": "Nuestro asistente no puede atender su llamada ahora. Le paso con un compañero. Un momento, por favor.",
        "fr": "Notre assistant ne peut pas prendre votre appel. Je vous passe un collègue. Un instant, s'il vous plaît.",
        "it": "Il nostro assistente non può rispondere al momento. La metto in contatto con un collega. Un momento, per favore.",
        "nl": "Onze assistent kan uw oproep nu niet beantwoorden. Ik verbind u door met een collega. Een moment, alstublieft.",
        "pt": "O nosso assistente não pode atender agora. Vou passar a chamada a um colega. Um momento, por favor.",
    },
    "call_back": {
        "en": "Sorry, our assistant cannot take your call at the moment. A colleague will call you back. Goodbye.",
        "de": "Leider kann unser Assistent gerade nicht abnehmen. Jemand aus unserem Team ruft Sie zurück. Auf Wiederhören.",
        "es": "Lo sentimos, nuestro asistente no puede atender su llamada ahora. Un compañero le devolverá la llamada. Adiós.",
        "fr": "Désolé, notre assistant ne peut pas prendre votre appel pour le moment. Un collègue vous rappellera. Au revoir.",
        "it": "Ci dispiace, il nostro assistente non può rispondere al momento. Un collega la richiamerà. Arrivederci.",
        "nl": "Sorry, onze assistent kan uw oproep nu niet beantwoorden. Een collega belt u terug. Tot ziens.",
        "pt": "Lamentamos, o nosso assistente não pode atender agora. Um colega vai ligar-lhe de volta. Adeus.",
    },
    "no_agent": {
        "en": "I am sorry, our assistant could not be reached. Please call again in a few minutes. Goodbye.",
        "de": "Leider ist unser Assistent nicht erreichbar. Bitte rufen Sie in ein paar Minuten wieder an. Auf Wiederhören.",
        "es": "Lo siento, no se ha podido contactar con nuestro asistente. Llame de nuevo en unos minutos. Adiós.",
        "fr": "Je suis désolé, notre assistant n'a pas pu être joint. Veuillez rappeler dans quelques minutes. Au revoir.",
        "it": "Mi dispiace, il nostro assistente non è raggiungibile. Richiami tra qualche minuto. Arrivederci.",
        "nl": "Het spijt me, onze assistent was niet bereikbaar. Bel over een paar minuten opnieuw. Tot ziens.",
        "pt": "Lamento, não foi possível contactar o nosso assistente. Ligue novamente dentro de alguns minutos. Adeus.",
    },
    "busy": {
        "en": "Sorry, all our lines are busy at the moment. Please call again in a few minutes. Goodbye.",
        "de": "Leider sind gerade alle Leitungen belegt. Bitte rufen Sie in ein paar Minuten wieder an. Auf Wiederhören.",
        "es": "Lo sentimos, en este momento todas las líneas están ocupadas. Llame de nuevo en unos minutos. Adiós.",
        "fr": "Désolé, toutes nos lignes sont occupées pour le moment. Veuillez rappeler dans quelques minutes. Au revoir.",
        "it": "Ci dispiace, al momento tutte le linee sono occupate. Richiami tra qualche minuto. Arrivederci.",
        "nl": "Sorry, al onze lijnen zijn op dit moment bezet. Bel over een paar minuten opnieuw. Tot ziens.",
        "pt": "Lamentamos, de momento todas as linhas estão ocupadas. Ligue novamente dentro de alguns minutos. Adeus.",
    },
    "ended_early": {
        "en": "I am sorry, this call has to end here. Please try again at a later time. Goodbye.",
        "de": "Leider muss dieses Gespräch hier enden. Bitte versuchen Sie es später noch einmal. Auf Wiederhören.",
        "es": "Lo siento, esta llamada tiene que terminar aquí. Inténtelo de nuevo más tarde. Adiós.",
        "fr": "Je suis désolé, cet appel doit s'arrêter ici. Veuillez réessayer plus tard. Au revoir.",
        "it": "Mi dispiace, questa chiamata deve terminare qui. La preghiamo di riprovare più tardi. Arrivederci.",
        "nl": "Het spijt me, dit gesprek moet hier eindigen. Probeer het later nog eens. Tot ziens.",
        "pt": "Lamento, esta chamada tem de terminar aqui. Tente novamente mais tarde. Adeus.",
    },
}
REASONS = {
    "unknown_number": "not_in_service",
    "unknown_trunk": "not_in_service",
    "unknown_agent": "not_in_service",
    "agent_disabled": "unavailable",
    "not_published": "unavailable",
    "credential_missing": "unavailable",
    "no_agent": "no_agent",
    "busy": "busy",
    "spend_limit": "unavailable",
    "suspended": "ended_early",
    "call_back": "call_back",
    "put_through": "put_through",
}
COUNTRY_LANGUAGES = {
    "AT": "de", "CH": "de", "DE": "de", "LI": "de",
    "AR": "es", "CL": "es", "CO": "es", "ES": "es", "MX": "es", "PE": "es",
    "FR": "fr", "LU": "fr", "MC": "fr",
    "IT": "it", "SM": "it", "NL": "nl", "BR": "pt", "PT": "pt",
}  # fmt: skip


def language_of_country(country: str) -> str:
    """The language to speak to a caller of whom only the tenant's country (ISO 3166) is known."""
    return COUNTRY_LANGUAGES.get(country.upper(), DEFAULT_LANGUAGE)


def announcement(reason: str, language: str) -> dict[str, Any]:
    """The `announcement` of a Media Bot dispatch for a refusal code; a `language` (BCP 47) without a sentence gets English."""
    sentences = SENTENCES[REASONS.get(reason, "unavailable")]
    short = language.partition("-")[0].lower()
    chosen = short if short in sentences else DEFAULT_LANGUAGE
    return {"text": sentences[chosen], "language": chosen, "end_call": True}
