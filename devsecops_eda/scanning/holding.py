"""How long a worker may hold an event, which the broker has to stand."""

from __future__ import annotations

from devsecops_eda.checks import Check, Scanner
from devsecops_eda.scanning.mirrors import FETCH_TIMEOUT_S
from devsecops_eda.settings import Settings

CONSUMER_TIMEOUT_S = 1800.0
"""RabbitMQ's default: a message held for longer closes the channel."""
OURS_S = 120.0
"""What writing a tree, reading a report and the last try to publish may take."""


def longest_s(settings: Settings, check: Check) -> float:
    """Return for how many seconds the worst event may be held: waiting, fetch, scan, waiting."""
    configured = settings.checks.get(check.name)
    scan_s = configured.timeout_s if configured and isinstance(check, Scanner) else 0.0
    return 2 * settings.transient_wait_s + FETCH_TIMEOUT_S + scan_s + OURS_S
