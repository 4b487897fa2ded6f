"""What checks have to say when an agent is published."""

from django.utils.translation import gettext as _

from apps.compass.models.agents import AgentVersion
from apps.compass.selectors.checks import readiness_of
from apps.compass.services.checks import ChecksRefused


def checks_require(version: AgentVersion) -> None:
    """Raises ChecksRefused when the agent waits for its checks, and they have not all passed for this very version."""
    readiness = readiness_of(version)
    if not readiness.blocks:
        return
    if readiness.standing is None or not readiness.is_current:
        raise ChecksRefused(
            _("This agent is published once every check has passed, and this draft was not checked. Run its checks.")
        )
    standing = readiness.standing
    raise ChecksRefused(
        _("This agent is published once every check has passed: %(passed)s of %(total)s did. Read what failed.")
        % {"passed": standing.passed, "total": len(standing.lines)}
    )
