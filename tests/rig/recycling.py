"""The installed program as it is, but for one thing: a pool child ends after a few events.

Run as ``python -m tests.rig.recycling ARGUMENTS-OF-THE-PROGRAM``.
"""

from typing import Any

from celery.signals import celeryd_init

from devsecops_eda.cli import main

TASKS_PER_CHILD = 5


def recycle(conf: Any, **_: Any) -> None:
    """Let Celery take a new child for every few events."""
    conf.worker_max_tasks_per_child = TASKS_PER_CHILD


if __name__ == "__main__":
    celeryd_init.connect(recycle)
    main()
