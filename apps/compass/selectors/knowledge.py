"""Reads of documents."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.compass.models import AgentVersion, Document, Passage


def documents_all() -> QuerySet[Document]:
    """The current tenant's documents by name."""
    return Document.objects.order_by("name", "pk")


def document_find(document_id: UUID | str) -> Document | None:
    """The document with this id, or None."""
    return Document.objects.filter(pk=document_id).first()


def passages_of_document(document: Document) -> QuerySet[Passage]:
    """What is searched of a document, in its order; what is being made where nothing is searched yet."""
    generation = document.generation or document.building
    return Passage.objects.filter(document=document, generation=generation).defer("embedding", "words").order_by("position")


def documents_used_by() -> dict[str, list[str]]:
    """The names of the agents that know each document, by its id; those that know all of them under "all"."""
    used: dict[str, list[str]] = {}
    live = (AgentVersion.State.DRAFT, AgentVersion.State.PUBLISHED)
    rows = AgentVersion.objects.filter(state__in=live).values_list("agent__name", "config__knowledge__documents")
    for name, documents in rows.order_by("agent__name"):
        for key in _keys(documents):
            names = used.setdefault(key, [])
            if name not in names:
                names.append(name)
    return used


def agents_of(used: dict[str, list[str]], document: Document) -> list[str]:
    """Of what documents_used_by answers: the agents that know this one."""
    return sorted({*used.get("all", []), *used.get(str(document.pk), [])})


def _keys(documents: Any) -> list[str]:
    if documents == "all":
        return ["all"]
    return [str(one) for one in documents] if isinstance(documents, list) else []
