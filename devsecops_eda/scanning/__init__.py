"""From an event to the outcome of one check: what the worker and the in-process bus share."""

from devsecops_eda.scanning.answering import Answering
from devsecops_eda.scanning.assignment import Assignment, assignment
from devsecops_eda.scanning.core import SCANNER_PHASE, Scanning, Source
from devsecops_eda.scanning.holding import CONSUMER_TIMEOUT_S, longest_s
from devsecops_eda.scanning.mirrors import FETCH_TIMEOUT_S, MirrorSource
from devsecops_eda.scanning.phases import Phase, Phases, covered_s
from devsecops_eda.scanning.registry import load_checks, the_check

__all__ = [
    "CONSUMER_TIMEOUT_S",
    "FETCH_TIMEOUT_S",
    "SCANNER_PHASE",
    "Answering",
    "Assignment",
    "MirrorSource",
    "Phase",
    "Phases",
    "Scanning",
    "Source",
    "assignment",
    "covered_s",
    "load_checks",
    "longest_s",
    "the_check",
]
