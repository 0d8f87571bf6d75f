"""Waiting out what is away: tried again while patience lasts, which is one for all steps."""

import pytest

from devsecops_eda.errors import PublishRefusedError, TransientError, UnavailableError
from devsecops_eda.waiting import Patience


class Flaky:
    """Fails so many times, then works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.failures:
            raise self.error
        return "done"


def test_what_is_away_is_tried_again() -> None:
    flaky = Flaky(3, UnavailableError("away"))
    assert Patience(30).wait_out(flaky, what="it") == "done"
    assert flaky.tries == 4


def test_without_patience_there_is_one_try() -> None:
    flaky = Flaky(1, UnavailableError("away"))
    with pytest.raises(UnavailableError):
        Patience(0).wait_out(flaky, what="it")
    assert flaky.tries == 1


def test_patience_that_one_step_used_up_is_not_there_for_the_next() -> None:
    patience = Patience(0.3)
    with pytest.raises(TransientError):
        patience.wait_out(Flaky(1000, UnavailableError("away")), what="it")
    next_step = Flaky(1, UnavailableError("away"))
    with pytest.raises(TransientError):
        patience.wait_out(next_step, what="the next")
    assert next_step.tries == 1


def test_other_errors_are_raised_at_once_unless_named() -> None:
    with pytest.raises(PublishRefusedError):
        Patience(30).wait_out(Flaky(1, PublishRefusedError("no")), what="it")
    flaky = Flaky(1, PublishRefusedError("no"))
    assert Patience(30).wait_out(flaky, what="it", errors=PublishRefusedError) == "done"
