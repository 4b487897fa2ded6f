"""How contacts are found again, and that nobody is taken for somebody else."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.desktop.models import Contact, ContactIdentity
from apps.desktop.selectors import tags_all
from apps.desktop.services.contacts import contact_identity_change, contact_update, contact_upsert
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation


def identities(contact: Contact) -> dict[str, str]:
    return dict(contact.identities.order_by("pk").values_list("kind", "value"))


def test_any_known_identity_finds_the_contact(desk: RecordingChannel) -> None:
    first = contact_upsert(identities={"wa_id": "1555"}, name="Dana", phone="+1555")
    again = contact_upsert(identities={"wa_id": "1555", "wa_user_id": "US.1"}, name="Other name")
    by_user = contact_upsert(identities={"wa_user_id": "US.1"}, language="de")
    assert {first.pk, again.pk, by_user.pk} == {first.pk}
    assert identities(first) == {"wa_id": "1555", "wa_user_id": "US.1"}
    by_user.refresh_from_db()
    assert (by_user.name, by_user.phone, by_user.language) == ("Dana", "+1555", "de")


def test_a_contact_without_a_number(desk: RecordingChannel) -> None:
    contact = contact_upsert(identities={"wa_user_id": "US.7", "wa_id": ""})
    assert identities(contact) == {"wa_user_id": "US.7"} and str(contact) == "Unknown contact"


def test_a_number_that_names_another_person_now_is_theirs(desk: RecordingChannel) -> None:
    old = contact_upsert(identities={"wa_id": "1555", "wa_user_id": "US.1"})
    new = contact_upsert(identities={"wa_id": "1555", "wa_user_id": "US.2"})
    assert new.pk != old.pk
    assert identities(old) == {"wa_user_id": "US.1"}
    assert identities(new) == {"wa_id": "1555", "wa_user_id": "US.2"}


def test_an_identity_that_changes_keeps_its_contact(desk: RecordingChannel) -> None:
    contact = contact_upsert(identities={"wa_id": "1555"}, phone="+1555")
    changed = contact_identity_change(kind="wa_id", old="1555", new="1666", at=timezone.now())
    assert changed == contact and changed.phone == "+1666"
    assert identities(contact) == {"wa_id": "1666"}
    assert contact_identity_change(kind="wa_id", old="1555", new="1777", at=timezone.now()) is None


def test_a_number_that_was_somebody_elses_before_moves_and_merges_nobody(desk: RecordingChannel) -> None:
    first = contact_upsert(identities={"wa_id": "1555"})
    second = contact_upsert(identities={"wa_id": "1666"})
    assert contact_identity_change(kind="wa_id", old="1555", new="1666", at=timezone.now()) == first
    assert ContactIdentity.objects.get().contact == first and set(Contact.objects.all()) == {first, second}


def test_an_older_message_takes_no_number_back(desk: RecordingChannel) -> None:
    now = timezone.now()
    new = contact_upsert(identities={"wa_id": "1555", "wa_user_id": "US.2"}, at=now)
    old = contact_upsert(identities={"wa_id": "1555", "wa_user_id": "US.1"}, at=now - timedelta(days=90))
    assert identities(old) == {"wa_user_id": "US.1"}
    assert identities(new) == {"wa_user_id": "US.2", "wa_id": "1555"}


def test_colleagues_keep_what_they_know(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation(contact=a_contact())
    contact = conversation.contact
    contact_update(contact=contact, user_id=bob.pk, fields={"Customer no.": "17"}, tags=[" vip ", "vip", "", "late"])
    contact_update(contact=contact, user_id=bob.pk, name="Dana", email="dana@example.com")
    contact.refresh_from_db()
    assert (contact.name, contact.fields, contact.tags) == ("Dana", {"Customer no.": "17"}, ["vip", "late"])
    assert tags_all() == ["late", "vip"]
    assert list(conversation.events.values_list("type", flat=True)) == ["opened", "contact", "contact"]
    with pytest.raises(ValidationError):
        contact_update(contact=contact, user_id=bob.pk, email="not an address")
