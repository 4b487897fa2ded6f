"""Numbers in one form, trunks made whole or not at all, and the commands that operators type."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_tenants.utils import schema_context

from apps.calls.models import PhoneNumber, SipTrunk
from apps.calls.numbers import number_candidates, number_normalise
from apps.calls.services.numbers import number_set
from apps.calls.services.trunks import sip_trunk_create, sip_trunk_delete
from apps.core.errors import PermanentError
from apps.core.ids import uuid7
from apps.tenants.models import Route
from tests.calls.fake_livekit import FakeLiveKit


@pytest.mark.parametrize(
    ("raw", "country", "form"),
    [
        ("+12125550100", "US", "+12125550100"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("12125550100", "US", "+12125550100"),
        ("030 901820", "DE", "+4930901820"),
        ("+49 30 901820", "US", "+4930901820"),
        ("sip:+12125550100@pbx.example", "US", "+12125550100"),
        ("801", "US", "801"),
        ("0801", "DE", "0801"),
        ("100100", "US", "100100"),
        ("reception", "US", "reception"),
        ("+15559999", "US", "+15559999"),
    ],
)
def test_normalise(raw: str, country: str, form: str) -> None:
    assert number_normalise(raw, country) == form
    assert form in number_candidates(number_normalise(raw, country))


@pytest.mark.django_db
class TestNumbers:
    def test_set_twice_is_one_row(self, in_acme: Any, reception: Any) -> None:
        number_set(number="(212) 555-0100", agent_id=reception.pk)
        number_set(number="+12125550100", agent_id=reception.pk, ringback="native", tone="us")
        row = PhoneNumber.objects.get()
        assert (row.number, row.ringback, row.tone) == ("+12125550100", "native", "us")

    @pytest.mark.parametrize(
        "wrong",
        [{"number": ""}, {"number": "a b c"}, {"agent_id": uuid7()}, {"agent_id": None}, {"team": "sales"}, {"tone": "moon"}],
    )
    def test_what_is_wrong_is_said(self, wrong: dict[str, Any], in_acme: Any, reception: Any) -> None:
        with pytest.raises(PermanentError, match=r"\.$"):
            number_set(**{"number": "801", "agent_id": reception.pk, **wrong})
        assert not PhoneNumber.objects.exists()

    def test_command(self, acme: Any, reception: Any, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("number_set", "acme", "801", "reception")
        assert "801 is answered by Reception." in capsys.readouterr().out
        with pytest.raises(CommandError, match="no agent “nobody”"):
            call_command("number_set", "acme", "801", "nobody")
        with pytest.raises(CommandError, match="There is: acme, globex"):
            call_command("number_set", "nowhere", "801", "reception")


@pytest.mark.django_db
class TestTrunks:
    def test_trunk_rule_and_route(self, in_acme: Any, livekit: FakeLiveKit) -> None:
        trunk = sip_trunk_create(name="Office", numbers=["212 555 0100", "801"], allowed_addresses=["10.1.2.3/8", "192.0.2.1"])
        made = livekit.trunks[trunk.trunk_id]
        assert made.numbers == ("+12125550100", "801")
        assert made.allowed_addresses == ("10.0.0.0/8", "192.0.2.1")
        assert livekit.rules[trunk.rule_id] == (trunk.trunk_id, "call_acme")
        assert Route.objects.get(kind="sip_trunk", external_id=trunk.trunk_id).tenant == in_acme

    def test_password_is_encrypted_at_rest(self, in_acme: Any, livekit: FakeLiveKit) -> None:
        from django.db import connection

        trunk = sip_trunk_create(name="Office", auth_user="pbx", auth_password="s3cret-s3cret")
        with connection.cursor() as cursor:
            cursor.execute("SELECT auth_password FROM calls_siptrunk")
            assert "s3cret" not in cursor.fetchone()[0]
        assert SipTrunk.objects.get(pk=trunk.pk).auth_password == "s3cret-s3cret"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"allowed_addresses": []},
            {"allowed_addresses": ["10.0.0.300"]},
            {"allowed_addresses": [], "auth_user": "pbx"},
            {"numbers": ["not a number"]},
            {"name": " "},
        ],
    )
    def test_what_is_wrong_makes_nothing(self, wrong: dict[str, Any], in_acme: Any, livekit: FakeLiveKit) -> None:
        with pytest.raises(PermanentError, match=r"\.$"):
            sip_trunk_create(**{"name": "Office", "allowed_addresses": ["10.0.0.0/8"], **wrong})
        assert livekit.trunks == {}

    def test_rule_that_fails_takes_the_trunk_with_it(self, in_acme: Any, livekit: FakeLiveKit) -> None:
        livekit.refuse.add("sip_rule_create")
        with pytest.raises(PermanentError):
            sip_trunk_create(name="Office", allowed_addresses=["10.0.0.0/8"])
        assert (livekit.trunks, SipTrunk.objects.count(), Route.objects.count()) == ({}, 0, 0)

    def test_record_that_fails_takes_both_with_it(self, in_acme: Any, globex: Any, livekit: FakeLiveKit) -> None:
        Route.objects.create(kind="sip_trunk", external_id="ST_1", tenant=globex)
        with pytest.raises(PermanentError, match="another tenant"):
            sip_trunk_create(name="Office", allowed_addresses=["10.0.0.0/8"])
        assert (livekit.trunks, livekit.rules, SipTrunk.objects.count()) == ({}, {}, 0)

    def test_name_is_taken_once(self, in_acme: Any, livekit: FakeLiveKit) -> None:
        sip_trunk_create(name="Office", allowed_addresses=["10.0.0.0/8"])
        with pytest.raises(PermanentError, match="already"):
            sip_trunk_create(name="Office", allowed_addresses=["10.0.0.0/8"])

    def test_delete(self, in_acme: Any, livekit: FakeLiveKit) -> None:
        sip_trunk_delete(trunk=sip_trunk_create(name="Office", allowed_addresses=["10.0.0.0/8"]))
        assert (livekit.trunks, livekit.rules, SipTrunk.objects.count(), Route.objects.count()) == ({}, {}, 0, 0)

    def test_commands(self, acme: Any, reception: Any, livekit: FakeLiveKit, capsys: pytest.CaptureFixture[str]) -> None:
        call_command(
            "sip_trunk_create", "acme", "--name", "Office", "--number", "801", "--username", "pbx", "--agent", "reception"
        )
        told = capsys.readouterr().out
        with schema_context("acme"):
            trunk = SipTrunk.objects.get()
            assert PhoneNumber.objects.get().agent_id == reception.pk
            assert trunk.auth_password in told
        assert len(trunk.auth_password) >= 20
        with pytest.raises(CommandError, match="There is: Office"):
            call_command("sip_trunk_delete", "acme", "Factory")
        call_command("sip_trunk_delete", "acme", "Office")
        assert livekit.trunks == {}

    def test_command_with_an_unknown_agent_makes_nothing(self, acme: Any, livekit: FakeLiveKit) -> None:
        with pytest.raises(CommandError, match="nothing was made"):
            call_command("sip_trunk_create", "acme", "--name", "Office", "--allow", "10.0.0.0/8", "--agent", "nobody")
        assert livekit.trunks == {}
