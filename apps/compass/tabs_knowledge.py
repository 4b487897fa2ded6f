"""The editor's tab Knowledge: which documents the agent knows, and when it looks into them."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.compass.editor import Editing, tab_register
from apps.compass.selectors.knowledge import documents_all
from apps.core.numbers import whole_number

MODES = (
    (
        "always",
        _("Before each answer"),
        _("Passages about the last words are put before the model. Right for most models."),
    ),
    ("tool", _("When the model asks"), _("The model searches by itself when it wants to. For models that call tools well.")),
)
CHOICES = (("none", _("No documents")), ("all", _("All documents, also those to come")), ("chosen", _("These documents")))


def tab_knowledge_register() -> None:
    """Called once from ready()."""
    tab_register("knowledge", _("Knowledge"), "book-open", "compass/agents/tabs/_knowledge.html", context, read=read, order=60)


def context(editing: Editing) -> dict[str, Any]:
    """What the tab shows. Documents that were deleted meanwhile are no longer chosen."""
    config = editing.config.get("knowledge") or {}
    documents = config.get("documents") or []
    chosen = "all" if documents == "all" else "chosen" if documents else "none"
    return {
        "documents": list(documents_all()),
        "selected": [] if documents == "all" else [str(one) for one in documents],
        "choices": CHOICES,
        "choice": chosen,
        "modes": MODES,
        "mode": config.get("mode", "always"),
        "top_k": config.get("top_k", 4),
    }


def read(posted: QueryDict) -> dict[str, Any]:
    """The configuration's part that the tab's fields make; what cannot be is refused by the configuration's own check."""
    choice = posted.get("knowledge_choice")
    if choice is None:  # there are no documents, and so no fields
        return {}
    chosen = posted.getlist("knowledge_documents") if choice == "chosen" else []
    top_k = posted.get("knowledge_top_k", "4").strip()
    number = whole_number(top_k)
    return {
        "knowledge": {
            "documents": "all" if choice == "all" else chosen,
            "mode": posted.get("knowledge_mode", "always"),
            "top_k": top_k if number is None else number,
        }
    }
