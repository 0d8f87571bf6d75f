"""From an event to the outcome of one check: what the worker and the in-process bus share."""

from devsecops_eda.scanning.answering import Answering
from devsecops_eda.scanning.assignment import Assignment, assignment
from devsecops_eda.scanning.core import Scanning, Source
from devsecops_eda.scanning.mirrors import MirrorSource
from devsecops_eda.scanning.registry import load_checks, the_check

__all__ = [
    "Answering",
    "Assignment",
    "MirrorSource",
    "Scanning",
    "Source",
    "assignment",
    "load_checks",
    "the_check",
]
