"""Cases beside a policy: what is given, and what the gate has to say to it.

A case says only what matters to it. A check it does not name answered and found nothing; the push
was recorded a minute ago; the author is somebody else than all voters.
"""

from devsecops_eda.cases.building import Built, build
from devsecops_eda.cases.given import (
    Case,
    Expected,
    Given,
    GivenDecision,
    GivenFinding,
    GivenOutcome,
    GivenVote,
    GivenWaiver,
)
from devsecops_eda.cases.reading import read_cases
from devsecops_eda.cases.running import Checked, check_case

__all__ = [
    "Built",
    "Case",
    "Checked",
    "Expected",
    "Given",
    "GivenDecision",
    "GivenFinding",
    "GivenOutcome",
    "GivenVote",
    "GivenWaiver",
    "build",
    "check_case",
    "read_cases",
]
