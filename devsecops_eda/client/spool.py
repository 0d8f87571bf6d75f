"""Facts that could not be told yet, kept on disk until they can."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError, PublishError, UnavailableError
from devsecops_eda.model import Event

MAX_SPOOLED = 10_000
_SUFFIX = ".event.json"
_REFUSED = ".refused"


class Spool:
    """A folder of events, one file each, oldest first. Several processes may share it.

    A file is there whole or not at all. The same event kept twice or sent twice does no harm: its
    id is the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, event: Event) -> None:
        """Return when ``event`` is safe on the disk.

        Raises:
            UnavailableError: the folder is full (``MAX_SPOOLED`` events) or cannot be written.
        """
        body = codec.encode(event)
        name = f"{time.time_ns():020d}-{event.id}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._folder.iterdir()) >= MAX_SPOOLED:
                raise UnavailableError(f"the spool {self._folder} is full: {MAX_SPOOLED} events")
            scratch = self._folder / f".{name}.{os.getpid()}"
            with scratch.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            scratch.rename(self._folder / (name + _SUFFIX))
            self._sync_folder()
        except OSError as error:
            raise UnavailableError(
                f"the spool {self._folder} cannot be written: {error}"
            ) from error

    def flush(self, publish: Callable[[Event], None]) -> int:
        """Publish what is kept, oldest first, and return how many events were sent.

        What the broker will never take is set aside as ``*.refused``; at the first error that may
        pass, flushing stops and raises it.

        Raises:
            TransientError, NotAuthorisedError, ConfigurationError: as ``publish`` does.
        """
        sent = 0
        for path in self.waiting():
            try:
                event = codec.decode(path.read_bytes())
            except FileNotFoundError:
                continue  # somebody else has just sent it
            except InvalidEventError:
                path.rename(path.with_name(path.name + _REFUSED))
                continue
            try:
                publish(event)
            except PublishError:
                path.rename(path.with_name(path.name + _REFUSED))
                raise
            path.unlink(missing_ok=True)
            sent += 1
        return sent

    def waiting(self) -> tuple[Path, ...]:
        """Return the files of the events that are kept, oldest first."""
        return tuple(sorted(self._folder.glob("*" + _SUFFIX))) if self._folder.exists() else ()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
