"""A channel that writes down what it is asked to do, in place of WhatsApp's."""

from collections.abc import Iterator

import pytest

from apps.desktop import channels
from apps.tenants.models import Tenant
from tests.desktop.factories import RecordingChannel


@pytest.fixture
def channel() -> Iterator[RecordingChannel]:
    """Registered as `test` for the length of a test."""
    recording = RecordingChannel()
    channels.channel_register(recording)
    yield recording
    channels._channels.pop(recording.name, None)


@pytest.fixture
def desk(in_acme: Tenant, channel: RecordingChannel) -> RecordingChannel:
    """Inside acme, with the channel."""
    return channel
