"""Contacts: found again by how channels know them, joined where two turn out to be one, and kept by colleagues."""

from apps.desktop.services.contacts.changing import contact_identity_change, contact_known_as
from apps.desktop.services.contacts.finding import contact_upsert
from apps.desktop.services.contacts.keeping import contact_update
from apps.desktop.services.contacts.merging import contact_merge, contact_merge_by_hand

__all__ = [
    "contact_identity_change",
    "contact_known_as",
    "contact_merge",
    "contact_merge_by_hand",
    "contact_update",
    "contact_upsert",
]
