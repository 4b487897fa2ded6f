"""The agent editor's own fields, and where each stands in a configuration."""

from copy import deepcopy
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compass.forms_focus import FocusedForm
from apps.compass.languages import language_choices
from apps.compass.neighbours import teams_now
from apps.compass.words import SHOWN, json_fault
from apps.core.payloads import json_read

PATHS: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "system"),
    "greeting": ("prompt", "greeting"),
    "greetings": ("prompt", "greetings"),
    "variables": ("variables",),
    "stt_provider": ("stt", "provider"),
    "stt_model": ("stt", "model"),
    "llm_model": ("llm", "model"),
    "temperature": ("llm", "temperature"),
    "tts_provider": ("tts", "provider"),
    "tts_model": ("tts", "model"),
    "voice": ("tts", "voice"),
    "min_delay": ("turn_taking", "min_endpointing_delay"),
    "max_delay": ("turn_taking", "max_endpointing_delay"),
    "interruptions": ("turn_taking", "allow_interruptions"),
    "preemptive": ("turn_taking", "preemptive"),
    "team": ("handoff", "team"),
    "phrases": ("handoff", "phrases"),
    "max_seconds": ("limits", "max_call_seconds"),
    "first_word": ("limits", "first_word_seconds"),
    "first_token": ("limits", "first_token_seconds"),
    "ringback": ("media_bot", "ringback"),
    "transcribe": ("media_bot", "transcribe"),
    "sentiment": ("media_bot", "sentiment"),
    "record": ("media_bot", "record"),
    "record_days": ("media_bot", "record_days"),
}
STT = [("deepgram", "Deepgram"), ("openai", gettext_lazy("OpenAI, or a server like it"))]
TTS = [("elevenlabs", "ElevenLabs"), ("openai", gettext_lazy("OpenAI, or a server like it"))]
TONES = [
    ("", gettext_lazy("Silence")),
    ("eu", gettext_lazy("Europe")),
    ("us", gettext_lazy("United States, Canada")),
    ("uk", gettext_lazy("United Kingdom")),
    ("au", gettext_lazy("Australia")),
    ("jp", gettext_lazy("Japan")),
]
MOODS = [
    ("vader", gettext_lazy("On this server (English)")),
    ("llm", gettext_lazy("By the language model (any language, costs tokens)")),
    ("off", gettext_lazy("Off")),
]


class PairsField(forms.CharField):
    """Lines of `name: text` as a dictionary."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name}: {text}" for name, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        pairs: dict[str, str] = {}
        for line in filter(str.strip, (super().to_python(value) or "").splitlines()):
            name, colon, text = line.partition(":")
            if not colon or not text.strip():
                raise forms.ValidationError(
                    _("“%(line)s” is no pair: write a name, a colon, and the text.") % {"line": line[:SHOWN]}
                )
            if name.strip() in pairs:
                raise forms.ValidationError(_("“%(name)s” stands there twice. Take one out.") % {"name": name.strip()[:SHOWN]})
            pairs[name.strip()] = text.strip()
        return pairs


class LinesField(forms.CharField):
    """One entry a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys(filter(None, map(str.strip, (super().to_python(value) or "").splitlines()))))


def _area(rows: int, **attrs: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class AgentForm(forms.Form):
    """Every tab's fields but those that other areas bring. Values that have no field, such as options, stay as they are."""

    language = forms.CharField(
        label=gettext_lazy("Language"),
        widget=forms.Select,
        help_text=gettext_lazy("What the agent hears and speaks."),
    )
    prompt = forms.CharField(
        label=gettext_lazy("Prompt"), max_length=20_000, required=False, widget=_area(22, spellcheck="true"), strip=False
    )
    greeting = forms.CharField(
        label=gettext_lazy("Greeting"),
        max_length=1_000,
        required=False,
        widget=_area(2),
        help_text=gettext_lazy("The first words. Leave it empty and the agent waits for the caller to speak."),
    )
    greetings = PairsField(
        label=gettext_lazy("Greeting in other languages"),
        required=False,
        widget=_area(3, placeholder="de: Guten Tag, hier ist {{agent}}."),
        help_text=gettext_lazy("One a line: the language's code, a colon, the words. Used where the language is known."),
    )
    variables = PairsField(
        label=gettext_lazy("Your own variables"),
        required=False,
        widget=_area(3, placeholder="opening_hours: Monday to Friday, nine to five"),
        help_text=gettext_lazy("One a line: a name, a colon, and what {{name}} becomes."),
    )
    stt_provider = forms.ChoiceField(label=gettext_lazy("Speech to text"), choices=STT)
    stt_model = forms.CharField(label=gettext_lazy("Its model"), max_length=120)
    llm_model = forms.CharField(label=gettext_lazy("Language model"), max_length=120)
    temperature = forms.FloatField(
        label=gettext_lazy("Temperature"), min_value=0, max_value=2, help_text=gettext_lazy("0 is steady, 1 is lively.")
    )
    fallbacks = LinesField(
        label=gettext_lazy("Fallback models"),
        required=False,
        widget=_area(2),
        help_text=gettext_lazy("One a line, three at most. They answer when the first is too slow or fails."),
    )
    tts_provider = forms.ChoiceField(label=gettext_lazy("Who speaks"), choices=TTS)
    tts_model = forms.CharField(label=gettext_lazy("Its model"), max_length=120)
    voice = forms.CharField(
        label=gettext_lazy("Voice"), max_length=120, required=False, help_text=gettext_lazy("Empty is the provider's own.")
    )
    min_delay = forms.FloatField(
        label=gettext_lazy("Shortest pause, seconds"),
        min_value=0,
        max_value=10,
        help_text=gettext_lazy("How long the agent waits when a sentence sounds finished."),
    )
    max_delay = forms.FloatField(
        label=gettext_lazy("Longest pause, seconds"),
        min_value=0,
        max_value=30,
        help_text=gettext_lazy("How long it waits when the caller seems to think."),
    )
    interruptions = forms.BooleanField(label=gettext_lazy("Callers may interrupt the agent"), required=False)
    preemptive = forms.BooleanField(
        label=gettext_lazy("Think ahead while the caller still speaks: quicker, for some more tokens"), required=False
    )
    team = forms.ChoiceField(label=gettext_lazy("Hand over to"), required=False)
    phrases = LinesField(
        label=gettext_lazy("Phrases that ask for a person"),
        required=False,
        widget=_area(6),
        help_text=gettext_lazy("One a line. Whoever says one is handed over at once, whatever the model thinks."),
    )
    max_seconds = forms.FloatField(label=gettext_lazy("Longest call, seconds"), min_value=1, max_value=14_400)
    first_word = forms.FloatField(
        label=gettext_lazy("First word within, seconds"),
        min_value=0.1,
        max_value=60,
        help_text=gettext_lazy("Another worker takes the call when none came by then."),
    )
    first_token = forms.FloatField(
        label=gettext_lazy("Model answers within, seconds"),
        min_value=0.1,
        max_value=60,
        help_text=gettext_lazy("The fallback is asked after that."),
    )
    ringback = forms.ChoiceField(label=gettext_lazy("Ringing tone"), choices=TONES, required=False)
    transcribe = forms.BooleanField(label=gettext_lazy("Write down what is said"), required=False)
    sentiment = forms.ChoiceField(label=gettext_lazy("Hear how the caller feels"), choices=MOODS)
    record = forms.BooleanField(label=gettext_lazy("Record calls"), required=False)
    record_days = forms.IntegerField(
        label=gettext_lazy("Keep recordings for, days"),
        min_value=1,
        max_value=3650,
        help_text=gettext_lazy("Then they are deleted by themselves. What was said stays in words."),
    )

    def __init__(self, *args: Any, config: dict[str, Any], language: str, may_change: bool = True, **kwargs: Any) -> None:
        self.config = config
        kwargs["initial"] = {**_initial(config), "language": language}
        super().__init__(*args, **kwargs)
        self.fields["language"].widget.choices = language_choices(language)  # type: ignore[attr-defined]
        self._choices_kept(config)
        for name, field in self.fields.items():
            field.disabled = not may_change
            if isinstance(field, forms.BooleanField):
                field.widget.attrs["class"] = "checkbox checkbox-sm"
            field.widget.attrs["data-part"] = name

    def _choices_kept(self, config: dict[str, Any]) -> None:
        """A team or tone that is set but no longer offered stays choosable, so that opening a page changes nothing."""
        teams = [("", _("everybody")), *teams_now()]
        team, tone = config["handoff"]["team"], config["media_bot"]["ringback"]
        if team and team not in dict(teams):
            teams.append((team, _("%(team)s (no longer there)") % {"team": team}))
        self.fields["team"].choices = teams  # type: ignore[attr-defined]
        if tone and tone not in dict(TONES):
            self.fields["ringback"].choices = [*TONES, (tone, tone.upper())]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("max_delay", 30) < given.get("min_delay", 0):
            self.add_error("max_delay", _("Write at least as much as the shortest pause."))
        return given

    @property
    def whole(self) -> dict[str, Any]:
        """The configuration with what the fields say."""
        config, given = deepcopy(self.config), self.cleaned_data
        for name, path in PATHS.items():
            target = config
            for step in path[:-1]:
                target = target.setdefault(step, {})
            target[path[-1]] = given[name]
        config["handoff"]["team"] = given["team"] or None
        config["media_bot"]["ringback"] = given["ringback"] or None
        known = {model["model"]: model for model in config["llm"]["fallbacks"]}
        config["llm"]["fallbacks"] = [known.get(name, {"model": name}) for name in given["fallbacks"]]
        return config


def _initial(config: dict[str, Any]) -> dict[str, Any]:
    values = {name: _at(config, path) for name, path in PATHS.items()}
    values["sentiment"] = values["sentiment"] or "off"
    return {**values, "fallbacks": [model["model"] for model in config["llm"]["fallbacks"]]}


def _at(config: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = config
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


class NewAgentForm(FocusedForm):
    """A new agent's name, and what it begins as."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=language_choices,
        help_text=gettext_lazy(
            "What it hears and speaks. It greets in English, German, French, Spanish, Italian, Portuguese or Dutch; "
            "write the greeting yourself for another language."
        ),
    )
    starter = forms.CharField(required=False)


class ImportForm(FocusedForm):
    """A document, as a file or pasted."""

    file = forms.FileField(label=gettext_lazy("File"), required=False)
    text = forms.CharField(label=gettext_lazy("Or paste it"), required=False, widget=_area(6), max_length=500_000)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("file") and not given.get("text"):
            raise forms.ValidationError(_("Choose the file that “Export” gave you, or paste what it holds."))
        raw = given["file"].read() if given.get("file") else given["text"]
        try:
            given["document"] = json_read(raw)
        except ValueError as error:
            why = {"why": json_fault(error)}
            sentence = _("This is not JSON as “Export” gives it. %(why)s") % why
            self.add_error("file" if given.get("file") else "text", sentence)
        return given
