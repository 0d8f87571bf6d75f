"""Settings out of a text, with all that lies around it given by the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.settings import (
    Loaded,
    Surroundings,
    parse_settings,
)

FILE = Path("/etc/eda/devsecops-eda.toml")
STATE = Path("/var/lib/eda")
SECRET = "pa:ss/w@rd #1"


def parse(
    text: str = "",
    *,
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    checks: frozenset[str] | None = None,
    file: Path | None = FILE,
) -> Loaded:
    def read_file(path: Path) -> str:
        try:
            return (files or {})[str(path)]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return parse_settings(
        text,
        file=file,
        around=Surroundings(
            environ=environ or {},
            cwd=Path("/srv/here"),
            state_dir=STATE,
            read_file=read_file,
            credential=(credentials or {}).get,
            home=Path("/home/me"),
            known_checks=checks,
        ),
    )


def refusal(text: str, **kwargs: object) -> str:
    with pytest.raises(InvalidSettingsError) as caught:
        parse(text, **kwargs)  # type: ignore[arg-type]
    return str(caught.value)
