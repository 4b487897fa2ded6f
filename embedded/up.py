"""`manage.py up`: starts the whole product on this machine, says where to go, and stops it again.

It runs before Django's settings can be read, because it makes them.
"""

import argparse
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from embedded.environment import given_by_person
from embedded.errors import StackError, disk_sentence
from embedded.paths import CHECKOUT, data_dir_default
from embedded.ports import Ports
from embedded.stack import Stack, pointer_forget, pointer_write
from embedded.terminal import Terminal

WATCH_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A person or the system asked the stack to stop."""


def main(arguments: Sequence[str]) -> int:
    """Run until Ctrl-C or until a process dies; return the exit status."""
    options = arguments_parser().parse_args(arguments)
    return up(options)


def arguments_parser() -> argparse.ArgumentParser:
    """Return the options of `manage.py up`."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start Meridian on this machine and keep it running.")
    arguments_add(parser)
    return parser


def arguments_add(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser, also to Django's."""
    parser.add_argument("--data", type=Path, help="data folder; MERIDIAN_DATA or one named after the checkout by default")
    parser.add_argument("--no-seed", action="store_true", help="do not make the demo's tenants, people and agents")
    parser.add_argument(
        "--only-services", action="store_true", help="start only Postgres, Valkey, LiveKit, the local models and the pretend Meta"
    )


def up(options: argparse.Namespace) -> int:
    """Start the stack, say where to go, watch it and stop it. Returns 0 when a person stopped it, else 1."""
    terminal = Terminal()
    for number in SIGNALS:
        signal.signal(number, _on_signal)
    stack: Stack | None = None
    try:
        stack = _stack(options, terminal)
        stack.start()
        pointer_write(stack.data_dir)
        _where_to_go(terminal, stack)
        return _watch(terminal, stack)
    except StackError as error:
        _did_not_start(terminal, str(error))
        return 1
    except OSError as error:
        if (sentence := disk_sentence(error)) is None:
            raise
        _did_not_start(terminal, sentence)
        return 1
    except Stopped:
        if stack is None or not stack.env:
            terminal.line("\nStopped. The next start goes on from here.")
        return 0
    finally:
        _stop(terminal, stack)


def _did_not_start(terminal: Terminal, sentence: str) -> None:
    terminal.line(f"\n{terminal.bold('Meridian did not start.')} {sentence}")


def _on_signal(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _stack(options: argparse.Namespace, terminal: Terminal) -> Stack:
    data_dir = options.data.expanduser().resolve() if options.data else data_dir_default()
    given = given_by_person()
    if not os.access(CHECKOUT, os.W_OK):
        raise StackError(f"You may not write in {CHECKOUT}, where the front end is built; take a checkout of your own.")
    terminal.line(f"{terminal.bold('Meridian')}  data and logs in {data_dir}\n")
    return Stack(
        data_dir,
        given,
        ports=Ports.named(given),
        seed=not options.no_seed,
        only_services=options.only_services,
        steps=terminal.step,
    )


def _watch(terminal: Terminal, stack: Stack) -> int:
    while True:
        time.sleep(WATCH_SECONDS)
        if sentence := stack.dead():
            terminal.line(f"\n{sentence} Meridian stops, because it needs every part.")
            return 1


def _stop(terminal: Terminal, stack: Stack | None) -> None:
    """Stop everything; a second Ctrl-C meanwhile changes nothing, and kill -9 leaves nothing behind either."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if stack is None:
        return
    running = bool(stack.env)
    if running:
        terminal.line("\nStopping …")
    stack.stop()
    if running:
        pointer_forget(stack.data_dir)
        terminal.line("Stopped. Nothing is left running; the data stays for the next start.")


def _where_to_go(terminal: Terminal, stack: Stack) -> None:
    terminal.line()
    for line in _settings(stack) if stack.only_services else _addresses(stack):
        terminal.line(f"  {line}")


def _settings(stack: Stack) -> list[str]:
    return [
        "The outside parts are running. Ctrl-C stops them.",
        f"Their settings are in {stack.data_dir / 'stack.env'}, which manage.py reads by itself.",
    ]


def _phone(stack: Stack) -> list[str]:
    if not stack.phone_url:
        return []
    return [f"Write to Acme      {stack.phone_url}/   as a customer; people answer at {stack.tenant_url('acme')}/desktop/"]


def _addresses(stack: Stack) -> list[str]:
    lines = ["Meridian is running. Ctrl-C stops it.", ""]
    if stack.seed:
        lines += [
            f"Talk to Reception  {stack.tenant_url('acme')}/call/reception",
            *_phone(stack),
            "",
            f"Acme               {stack.tenant_url('acme')}/   alice@acme.test (owner), bob@acme.test (agent)",
            f"Globex             {stack.tenant_url('globex')}/   charlie@globex.test (owner)",
            f"Platform staff     {stack.web_url}/staff/   root@meridian.test",
            "Password           meridian-demo",
            "",
        ]
    else:
        lines += [f"Meridian           {stack.web_url}/", ""]
    lines.append(f"API documentation  {stack.web_url}/api/docs/")
    if stack.seed:
        lines.append(
            "From a terminal    .venv/bin/python manage.py call acme reception --wav docs/audio/question.wav --save answer.wav"
        )
    if stack.hint:
        lines += ["", stack.hint]
    if stack.sip_address:
        lines.append(f"Phones             sip:NUMBER@{stack.sip_address}, once a trunk has that number (docs/telephony.md)")
    if stack.env.get("MERIDIAN_LOCAL_MODELS"):
        lines += [
            "",
            "The local models are small: English only, fluent and often wrong. OPENAI_API_KEY in .env brings better ones.",
        ]
    return lines
