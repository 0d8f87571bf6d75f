"""What a decision is known by: the digest of what it was judged on, and its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from uuid import uuid5

from devsecops_eda.model import NAMESPACE, Requirement


def inputs_digest(lines: Sequence[Requirement], unjudged: str) -> str:
    """Return ``sha256:<hex>`` of what was judged on, and how it stands where time has a say.

    No instant and no order is in it: the same meaning later is the same decision.
    """
    meaning = sorted(
        [
            line.id,
            line.state.value,
            line.harmless,
            line.votes,
            sorted(line.evidence),
            sorted(finding.fingerprint for finding in line.blocking),
        ]
        for line in lines
    )
    return "sha256:" + hashlib.sha256(_canonical([meaning, unjudged]).encode()).hexdigest()


def decision_id(*key: str | None) -> str:
    """Return the id of the decision that is known by ``key``."""
    return str(uuid5(NAMESPACE, "decision/" + _canonical(key)))


def _canonical(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
