"""manage.py call acme reception --wav question.wav --save answer.wav"""

import json
import logging
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.billing.selectors import CostBreakdown, call_cost
from apps.calls.caller.story import cost_lines, line_of, summary
from apps.calls.caller.ticket import ticket_ask
from apps.calls.models import Call, CallEvent, EventType
from apps.calls.selectors_transcript import transcript_of
from apps.calls.services.dispatches import ATLAS
from apps.calls.services.starts import Ticket
from apps.tenants.management.tenant_command import TenantCommand

POLL_SECONDS = 0.2
END_SECONDS = 10.0
COST_SECONDS = 30.0
LONGEST = 600.0
WIDTH = 9


class Command(TenantCommand):
    help = "Calls an agent of the running stack, as a browser would, and tells the call as it happens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("agent", help="The agent's slug, such as reception.")
        parser.add_argument(
            "--wav",
            action="append",
            default=[],
            type=Path,
            help="What to say (16-bit PCM) once the agent listens; repeat it for more turns.",
        )
        parser.add_argument("--save", type=Path, help="Where to save what was heard, as WAV.")
        parser.add_argument("--timeout", type=float, default=30.0, help="Seconds to wait for the greeting and for each answer.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document at the end instead of telling it.")

    def work(self, **options: Any) -> None:
        wavs_read, caller_make = _parts()
        logging.getLogger("livekit").setLevel(logging.WARNING)
        self.quiet: bool = options["json"]
        wavs = wavs_read(options["wav"])
        self._line("", f"Calling {options['agent']} at {self.tenant} …")
        ticket = ticket_ask(self.tenant, options["agent"])
        caller = caller_make(ticket, wavs, options["timeout"])
        events = self._follow(caller, ticket)
        self._finish(caller, ticket, events, options["save"])

    def _follow(self, caller: Any, ticket: Ticket) -> list[CallEvent]:
        """Prints events until the call is over on both sides."""
        events: list[CallEvent] = []
        caller.start()
        end = time.monotonic() + LONGEST
        try:
            while not caller.over.wait(POLL_SECONDS) and time.monotonic() < end:
                self._news(ticket, events)
        except KeyboardInterrupt:
            self._line("", "Hanging up …")
        caller.hang_up()
        self._wait(lambda: not _call(ticket).is_live, END_SECONDS)
        self._news(ticket, events)
        return events

    def _finish(self, caller: Any, ticket: Ticket, events: list[CallEvent], save: Path | None) -> None:
        answered = _call(ticket).answered_at is not None
        cost = self._cost(ticket) if answered else None
        self._news(ticket, events)
        self._beside(_call(ticket), events)
        if save is not None:
            caller.recording.save(save)
        self._tell(caller, _call(ticket), events, cost, save)
        if not answered or caller.problem:
            raise CommandError(caller.problem or _call(ticket).detail or "Nobody answered.")

    def _tell(self, caller: Any, call: Call, events: list[CallEvent], cost: CostBreakdown | None, save: Path | None) -> None:
        if self.quiet:
            heard = {"first_word": caller.first_word, "heard_after": caller.heard_after, "saved": str(save) if save else None}
            self.stdout.write(json.dumps({**summary(call, events, cost), **heard}, indent=2))
            return
        self._line(
            "", f"Over after {call.duration:.1f} s: {call.get_ended_reason_display() or call.get_state_display()}. {call.detail}"
        )
        if caller.first_word is not None and caller.connected is not None:
            self._line("first word", f"{caller.first_word - caller.connected:.2f} s after joining")
        for seconds in caller.heard_after:
            self._line("answer", f"heard {seconds:.2f} s after the question ended")
        for part, amount in cost_lines(cost) if cost else []:
            self._line(part, amount)
        if save is not None:
            self._line("saved", f"{caller.recording.seconds:.1f} s of what was heard in {save}")

    def _news(self, ticket: Ticket, events: list[CallEvent]) -> None:
        """A batch may become visible after a younger one, so what was told counts and not the highest number."""
        told = [event.pk for event in events]
        for event in CallEvent.objects.filter(call_id=ticket.call_id).exclude(pk__in=told).order_by("pk"):
            events.append(event)
            if event.type != EventType.TRANSCRIPT or event.system == ATLAS:
                self._line(*line_of(event))

    def _beside(self, call: Call, events: list[CallEvent]) -> None:
        """What Atlas has no words for; only at the end is it known what it does not tell any more."""
        heard = [event for event in transcript_of(call, events) if event.system != ATLAS]
        if heard:
            self._line("", "Where Atlas was not, Media Bot heard:")
        for event in heard:
            self._line(*line_of(event))

    def _cost(self, ticket: Ticket) -> CostBreakdown | None:
        self._wait(lambda: call_cost(self.tenant, ticket.call_id) is not None, COST_SECONDS)
        return call_cost(self.tenant, ticket.call_id)

    def _wait(self, condition: Any, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    def _line(self, who: str, what: str) -> None:
        if self.quiet or not (who or what):
            return
        style = {"caller": self.style.WARNING, "agent": self.style.SUCCESS, "error": self.style.ERROR}.get(
            who, self.style.HTTP_INFO
        )
        self.stdout.write(f"{style(who.ljust(WIDTH + 1))} {what}" if who else self.style.MIGRATE_LABEL(what))
        self.stdout.flush()


def _call(ticket: Ticket) -> Call:
    return Call.objects.get(pk=ticket.call_id)


def _parts() -> Any:
    """The caller's WebRTC side belongs to the agents' dependencies, which a web server alone need not have."""
    try:
        from apps.calls.caller.audio import wav_read
        from apps.calls.caller.client import Caller
    except ImportError as error:
        raise CommandError(f"A caller needs the agents' packages too ({error.name}): install requirements/agents.txt.") from error

    def caller_make(ticket: Ticket, wavs: Any, timeout: float) -> Caller:
        return Caller(ticket.server_url, ticket.participant_token, wavs, timeout=timeout)

    return lambda paths: [wav_read(path) for path in paths], caller_make
