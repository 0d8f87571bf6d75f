"""A sign of life while a job waits and nothing happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from devsecops_eda.cli.telling import Conversation

QUIET_S = 60.0
"""After so long a silence a line says that the job still waits: CI systems end silent jobs."""


@contextmanager
def heartbeat(about: Conversation, *, quiet_s: float = QUIET_S) -> Iterator[None]:
    """Say on standard error that it is waited for, at most once in ``quiet_s`` seconds."""
    over, began = threading.Event(), time.monotonic()

    def beat() -> None:
        last = began
        while not over.wait(max(max(last, about.said_at) + quiet_s - time.monotonic(), 0.1)):
            now = time.monotonic()
            if now - max(last, about.said_at) >= quiet_s:
                last = now
                click.echo(f"  … still waiting, for {(now - began) / 60:.0f} min", err=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
