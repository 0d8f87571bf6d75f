"""Judging recorded history again: one old decision, or all of them under a new policy."""

from devsecops_eda.replaying.recorded import Reader, Recorded, Replayed
from devsecops_eda.replaying.whatif import Flip, WhatIf, what_if

__all__ = ["Flip", "Reader", "Recorded", "Replayed", "WhatIf", "what_if"]
