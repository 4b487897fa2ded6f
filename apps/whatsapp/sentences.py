"""What people read: Meta's error codes in words that say what to do, and what contacts are told."""

DEFAULT_LANGUAGE = "en"

# One table, so that a translator sees all of it at once.
SENTENCES: dict[str, dict[str, str]] = {
    "handed_over": {
        "en": "Thank you. A colleague will answer you here.",
        "de": "Danke. Hier antwortet Ihnen gleich jemand aus unserem Team.",
        "es": "Gracias. Un compañero le responderá aquí.",
        "fr": "Merci. Un collègue vous répondra ici.",
        "it": "Grazie. Un collega le risponderà qui.",
        "nl": "Bedankt. Een collega antwoordt u hier.",
        "pt": "Obrigado. Um colega vai responder-lhe aqui.",
    },
    "declined": {
        "en": "Thank you for your message. We cannot answer here at the moment; please write again later.",
        "de": "Danke für Ihre Nachricht. Im Moment können wir hier nicht antworten; bitte schreiben Sie später noch einmal.",
        "es": "Gracias por su mensaje. En este momento no podemos responder aquí; escriba de nuevo más tarde.",
        "fr": "Merci pour votre message. Nous ne pouvons pas répondre ici pour le moment ; veuillez réécrire plus tard.",
        "it": "Grazie per il messaggio. Al momento non possiamo rispondere qui; la preghiamo di riscrivere più tardi.",
        "nl": "Bedankt voor uw bericht. We kunnen hier nu niet antwoorden; schrijf later nog eens.",
        "pt": "Obrigado pela sua mensagem. De momento não podemos responder aqui; escreva novamente mais tarde.",
    },
    "after_error": {
        "en": "Sorry, I cannot answer this right now. A colleague will answer you here.",
        "de": "Das kann ich im Moment leider nicht beantworten. Hier antwortet Ihnen gleich jemand aus unserem Team.",
        "es": "Lo siento, ahora mismo no puedo responder a esto. Un compañero le responderá aquí.",
        "fr": "Désolé, je ne peux pas répondre pour le moment. Un collègue vous répondra ici.",
        "it": "Mi dispiace, al momento non posso rispondere. Un collega le risponderà qui.",
        "nl": "Sorry, dit kan ik nu niet beantwoorden. Een collega antwoordt u hier.",
        "pt": "Lamento, de momento não consigo responder. Um colega vai responder-lhe aqui.",
    },
}

# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
ERRORS = {
    "100": "Meta did not accept the content of this message.",
    "190": "The access token of this number is over. Enter a new one.",
    "10": "The access token may not send from this number. Check its permissions at Meta.",
    "368": "Meta has restricted this account for a breach of its policies. See the account's quality page at Meta.",
    "130429": "More messages were sent from this number than Meta takes. Try again in a minute.",
    "130472": "Meta does not deliver marketing messages to this contact at the moment.",
    "131026": "The message cannot be delivered: the number is not on WhatsApp, or its WhatsApp is too old.",
    "131030": "This number is a test number of Meta and may write only to the numbers entered there.",
    "131031": "Meta has locked this account. See the account's quality page at Meta.",
    "131042": "Meta could not charge this account. Check its payment method at Meta.",
    "131047": "The contact last wrote more than 24 hours ago, so only a template can be sent. Choose a template.",
    "131048": "Meta limits this number because earlier messages were reported as spam.",
    "131049": "Meta did not deliver this to keep the contact's inbox healthy. Do not send it again today.",
    "131051": "WhatsApp does not know this type of message.",
    "131052": "The contact's file could not be fetched from Meta.",
    "131053": "Meta could not take this file. Send it in another format or size.",
    "131056": "Too many messages went to this contact in a short time. Try again in a minute.",
    "132000": "The number of variables is not the one of the template. Fill in all of them.",
    "132001": "There is no such template in this language, or it is not approved yet.",
    "132005": "With these values the template's text is too long.",
    "132012": "A variable of the template has a value of the wrong form.",
    "132015": "Meta has paused this template because of its quality. Choose another one.",
    "132016": "Meta has disabled this template. Choose another one.",
    "133010": "This number is not registered with the Cloud API. Register it at Meta.",
    "470": "The contact last wrote more than 24 hours ago, so only a template can be sent. Choose a template.",
}


def error_sentence(code: str, detail: str = "") -> str:
    """The sentence for a code; a code that is not listed is told in Meta's own words."""
    return ERRORS.get(code) or f"Meta refused it: {detail[:300] or 'no reason given'} ({code})."


def handed_over(language: str, *, after_error: bool) -> str:
    """What a contact is told when a person takes over; a `language` (BCP 47) without a sentence gets English."""
    return _in("after_error" if after_error else "handed_over", language)


def declined(language: str) -> str:
    """What a contact is told whom neither the agent nor people answer for now."""
    return _in("declined", language)


def _in(name: str, language: str) -> str:
    sentences = SENTENCES[name]
    return sentences.get(language.partition("-")[0].lower(), sentences[DEFAULT_LANGUAGE])
