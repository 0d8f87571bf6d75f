"""The installed program with one part played wrongly, once: the next start is well.

Run as ``python misplayed.py PART ARGUMENTS-OF-THE-PROGRAM`` by a unit.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from devsecops_eda.cli import main
from devsecops_eda.worker.celery_app import LeanConsumer
from devsecops_eda.worker.ticking import Timer

HUNG_S = 600.0


def once() -> bool:
    """Whether it is the first time, over all starts of the unit."""
    try:
        os.close(os.open(Path(os.environ["STATE_DIRECTORY"]) / "misplayed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def hang_in_the_main_loop() -> None:
    """Let the loop go round for a while, then stand."""
    well, turns = LeanConsumer._turn, 0

    def hang_here(self: Any) -> None:
        nonlocal turns
        turns += 1
        if turns == 3 and once():
            time.sleep(HUNG_S)
        well(self)

    LeanConsumer._turn = hang_here  # type: ignore[method-assign]


def lose_the_timer() -> None:
    """Let the thread of the timer end, as nothing that it catches would make it."""
    well = Timer._tick

    def end_here(self: Timer) -> None:
        if once():
            raise SystemExit
        well(self)

    Timer._tick = end_here  # type: ignore[method-assign]


if __name__ == "__main__":
    {"loop": hang_in_the_main_loop, "timer": lose_the_timer}[sys.argv.pop(1)]()
    main()
