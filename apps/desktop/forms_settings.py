"""What admins and supervisors set up: teams and canned responses."""

from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from apps.desktop.forms import TEXT_LENGTH
from apps.desktop.models import Team
from apps.desktop.selectors import colleagues_all, teams_all

SECONDS = 60


class TeamForm(forms.Form):
    """A team, its people and its times in minutes."""

    name = forms.CharField(label=_("Name"), max_length=120)
    members = forms.MultipleChoiceField(label=_("Who is in it"), required=False, widget=forms.CheckboxSelectMultiple)
    answer_minutes = forms.IntegerField(
        label=_("Minutes to claim"),
        min_value=1,
        max_value=1440,
        initial=2,
        help_text=_("If nobody has claimed by then, the next team is told."),
    )
    claim_minutes = forms.IntegerField(
        label=_("Minutes to answer"),
        min_value=1,
        max_value=1440,
        initial=5,
        help_text=_("Whoever claims and does not answer by then loses the claim."),
    )
    next_team = forms.ChoiceField(label=_("Then"), required=False)

    def __init__(self, *args: Any, team: Team | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team = team
        others = [one for one in teams_all() if team is None or one.pk != team.pk]
        self._others = {str(one.pk): one for one in others}
        self.fields["next_team"].choices = [("", _("everybody")), *((str(one.pk), one.name) for one in others)]  # type: ignore[attr-defined]
        people = [(str(one.user_id), one.name) for one in colleagues_all()]
        self.fields["members"].choices = people  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, Any]:
        """For team_create and team_update."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "answer_seconds": given["answer_minutes"] * SECONDS,
            "claim_seconds": given["claim_minutes"] * SECONDS,
            "next_team": self._others.get(given["next_team"]),
            "user_ids": [forms.UUIDField().clean(pk) for pk in given["members"]],
        }


def team_initial(team: Team) -> dict[str, Any]:
    """How the form of an existing team begins."""
    return {
        "name": team.name,
        "members": [str(member.user_id) for member in team.members.all()],
        "answer_minutes": max(1, round(team.answer_seconds / SECONDS)),
        "claim_minutes": max(1, round(team.claim_seconds / SECONDS)),
        "next_team": str(team.next_team_id or ""),
    }


def slug_free(name: str) -> str:
    """A team's slug made of its name, with a number behind it where that one is taken."""
    base = slugify(name)[:56] or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{number}" for number in range(2, 10_000))) if slug not in taken)


class CannedForm(forms.Form):
    """A canned response."""

    shortcut = forms.SlugField(
        label=_("Shortcut"), max_length=40, help_text=_("Typed after a slash: letters, digits and dashes.")
    )
    title = forms.CharField(label=_("Title"), max_length=120)
    text = forms.CharField(
        label=_("Text"),
        max_length=TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("{name} becomes the contact's name."),
    )
