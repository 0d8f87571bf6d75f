"""What every ledger promises, held by the one in memory and by one in a file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devsecops_eda.ledger import Ledger, open_ledger
from tests.ledger_naming import NAMING
from tests.ledger_people import PEOPLE
from tests.ledger_promises import RECORDS
from tests.ledger_retention import RETENTION


@pytest.fixture(params=["memory", "file"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'ledger.db'}"
    opened = open_ledger(url)
    yield opened
    opened.close()


PROMISES = [*RECORDS.all, *NAMING.all, *PEOPLE.all, *RETENTION.all]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.__name__)
def test_a_promise_is_kept_by_sqlite(promise: Callable[[Ledger], None], ledger: Ledger) -> None:
    promise(ledger)
