"""What Compass uses is charged by billing, which it does not know."""

from apps.billing.services import usage_enqueue
from apps.compass.metering import charge_register


def usage_counts() -> None:
    """Registers it."""
    charge_register(usage_enqueue)
