"""The doctor: looks at a live installation, changes nothing, and says how to mend what is wrong."""

from devsecops_eda.doctor.examining import Options, examine
from devsecops_eda.doctor.finding import CHECKS, Examined, Finding, State

__all__ = ["CHECKS", "Examined", "Finding", "Options", "State", "examine"]
