"""For those who tell facts and wait for decisions: CI jobs, scripts, services.

>>> from devsecops_eda.client import Client, commit_pushed
>>> push = commit_pushed("acme/app", ref="main", sha=sha, now=datetime.now(UTC))
>>> with Client("amqps://ci-acme:…@broker/devsecops") as client:
...     decision = client.ask(push, gate="merge", timeout_s=900)
"""

from devsecops_eda.client.core import DEFAULT_GATE, Client
from devsecops_eda.client.facts import (
    SOURCE,
    commit_pushed,
    decision_requested,
    flow_of_push,
    scan_requested,
)
from devsecops_eda.client.spool import Spool

__all__ = [
    "DEFAULT_GATE",
    "SOURCE",
    "Client",
    "Spool",
    "commit_pushed",
    "decision_requested",
    "flow_of_push",
    "scan_requested",
]
