"""One child process: bounded, isolated, and gone afterwards."""

from devsecops_eda.sandbox.process import Completed, Limits
from devsecops_eda.sandbox.running import missing, run

__all__ = ["Completed", "Limits", "missing", "run"]
