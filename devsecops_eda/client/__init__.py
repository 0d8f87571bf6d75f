"""For those who tell facts and wait for decisions: CI jobs, scripts, services.

>>> from devsecops_eda.client import Client, commit_pushed
>>> push = commit_pushed("acme/app", ref="main", sha=sha, now=datetime.now(UTC))
>>> with Client("amqps://ci-acme:…@broker/devsecops") as client:
...     decision = client.ask(push, gate="merge", timeout_s=900)
"""

from devsecops_eda.client.core import Client
from devsecops_eda.client.facts import (
    SOURCE,
    artifact_published,
    commit_pushed,
    decision_requested,
    deployment_requested,
    flow_of_push,
    listing_requested,
    scan_requested,
)
from devsecops_eda.client.overrides import Overrides
from devsecops_eda.client.spool import Spool
from devsecops_eda.client.voices import (
    approval_voted,
    override_requested,
    override_reviewed,
    waiver_granted,
    waiver_requested,
    waiver_revoked,
)
from devsecops_eda.model import DEFAULT_GATE

__all__ = [
    "DEFAULT_GATE",
    "SOURCE",
    "Client",
    "Overrides",
    "Spool",
    "approval_voted",
    "artifact_published",
    "commit_pushed",
    "decision_requested",
    "deployment_requested",
    "flow_of_push",
    "listing_requested",
    "override_requested",
    "override_reviewed",
    "scan_requested",
    "waiver_granted",
    "waiver_requested",
    "waiver_revoked",
]
