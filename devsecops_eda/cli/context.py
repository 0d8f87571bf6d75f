"""What every command is given: the configuration, read when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from devsecops_eda.cli.logged import Logged
    from devsecops_eda.settings import Loaded, Settings


@dataclass
class App:
    """The global options, and what follows from them. Nothing is read before it is needed."""

    config_path: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    log: Logged | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """Return the settings and where they came from.

        Raises:
            InvalidSettingsError: the configuration is wrong.
        """
        return self.load()

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        return self.loaded.settings

    def load(self, *, outside: Path | None = None) -> Loaded:
        """Return the settings; a file found by chance inside ``outside`` is passed over."""
        from devsecops_eda.cli.config import load

        loaded = load(self.config_path, self.environ, outside=outside)
        if self.log is not None:
            self.log.learn(loaded.settings)
        return loaded


pass_app = click.make_pass_decorator(App, ensure=True)
