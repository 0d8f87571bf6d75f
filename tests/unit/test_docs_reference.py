"""What is generated into the reference is whole: each command, reason and error has its words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import StrEnum

import pytest

from devsecops_eda import errors
from devsecops_eda.cli.clidocs import leaves
from devsecops_eda.cli.exit_codes import ExitCode, code_of
from devsecops_eda.codec import decode
from devsecops_eda.errors import DevSecOpsError, FailureReason, RefusalReason
from devsecops_eda.model import EventType
from devsecops_eda.remedies import ERRORS, FAILURES, REFUSALS
from devsecops_eda.workspace import names
from tests.rig.pages import ROOT, blocks


@pytest.mark.parametrize(
    ("reasons", "said"),
    [(RefusalReason, REFUSALS), (FailureReason, FAILURES), (names.Reason, names.MEANINGS)],
)
def test_every_reason_says_what_it_means(
    reasons: type[StrEnum], said: dict[StrEnum, object]
) -> None:
    assert list(said) == list(reasons)


def _classes(of: type[DevSecOpsError]) -> Iterator[type[DevSecOpsError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _classes(kind)


def test_every_error_says_what_its_reader_can_do() -> None:
    public = [kind for kind in _classes(DevSecOpsError) if kind.__module__ == errors.__name__]
    assert list(ERRORS) == public
    drawn = re.findall(r"\w+Error", errors.__doc__ or "")
    assert drawn == [kind.__name__ for kind in public]


def test_an_error_ends_a_command_with_the_code_of_the_nearest_class_above_it() -> None:
    codes = {kind.__name__: code_of(kind) for kind in ERRORS}
    assert codes["InvalidPolicyError"] is codes["InvalidEventError"] is ExitCode.USAGE
    assert codes["NotAuthorisedError"] is ExitCode.NOT_AUTHORISED
    assert codes["RacedError"] is codes["CheckError"] is ExitCode.COULD_NOT_EVALUATE


def test_every_command_with_exit_codes_of_its_own_says_them() -> None:
    pytest.importorskip("celery")
    for context in leaves():
        callback = inspect.unwrap(context.command.callback or print)
        if callback.__annotations__.get("return") not in ("None", None):
            assert "Exit status: " in (context.command.help or ""), context.command_path


def test_every_option_says_what_it_is_for() -> None:
    pytest.importorskip("celery")
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    # How something is printed is said by the choices themselves.
    silent = re.findall(r"^- `(?!--format )[^`]*`(?:: \[default: [^]]*\])?$", page, re.MULTILINE)
    assert silent == []


def test_every_event_in_the_pages_is_one_that_the_door_takes() -> None:
    events = blocks("docs/events.md", "json")
    types = {decode(block.text.encode()).type for block in events}
    assert types == set(EventType)
