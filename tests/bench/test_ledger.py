"""How many events a ledger records and how many decisions it keeps in a second.

Prints, asserts no times. ``make bench`` runs it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from devsecops_eda.ledger import Ledger, open_ledger
from devsecops_eda.model import Subject
from tests.recorded import NOW, asked, decided, pushed, scanned
from tests.rig.postgres import PostgresServer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

SECONDS = 5.0
FLOWS_TO_FORGET = 500


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Ledger]]:
    """Open one ledger, as often as there are gates; both databases write to the disk."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("ledger") / "gate.db"
        yield lambda: open_ledger(f"sqlite:///{file}")
        return
    with PostgresServer(fsync=True) as server, server.fresh_database() as name:
        yield lambda: open_ledger(server.url(name), busy_timeout_s=30)


def _one_flow(ledger: Ledger, number: int) -> None:
    """Record what one push leads to: four events and a decision, each in its transaction."""
    repo, flow = f"acme/app{number % 16}", f"{number}"
    subject = Subject.commit(repo, f"{number:040x}")
    with ledger.transaction(repo) as records:
        pushed(records, subject, flow=flow)
        asked(records, subject, flow=flow)
    seqs = []
    for check in ("commit", "semgrep", "safety"):
        with ledger.transaction(repo) as records:
            seqs.append(scanned(records, f"{check} {number}", subject, flow=flow))
    with ledger.transaction(repo) as records:
        (ask,) = records.asks.about(subject)
        at = NOW + timedelta(seconds=number)
        decided(records, ask, f"{number}", at=at, rests_on=tuple(seqs))


def _throughput(ledgers: list[Ledger], threads: int, first: int) -> tuple[float, int]:
    end = time.monotonic() + SECONDS
    numbers, lock = iter(range(first, 10**9)), threading.Lock()
    done: list[int] = []

    def work(ledger: Ledger) -> None:
        while time.monotonic() < end:
            with lock:
                number = next(numbers)
            _one_flow(ledger, number)
            done.append(number)

    with ThreadPoolExecutor(len(ledgers) * threads) as pool:
        for one in [pool.submit(work, ledger) for ledger in ledgers for _ in range(threads)]:
            one.result()
    return len(done) / SECONDS, first + len(done) + len(ledgers) * threads


def test_transactions_in_a_second(
    opened: Callable[[], Ledger], request: pytest.FixtureRequest
) -> None:
    ledger = opened()
    first = 0
    for threads in (1, 4, 8):
        flows, first = _throughput([ledger], threads, first)
        name = request.node.name
        print(f"\n{name}: {threads} threads: {flows:.0f} flows/s, {5 * flows:.0f} transactions/s")
    ledger.close()


def test_what_forgetting_takes(opened: Callable[[], Ledger]) -> None:
    ledger = opened()
    for number in range(10**6, 10**6 + FLOWS_TO_FORGET):
        _one_flow(ledger, number)
    began, after, calls, longest = time.monotonic(), None, 0, 0.0
    while calls == 0 or after is not None:
        one = time.monotonic()
        with ledger.transaction() as records:
            far = NOW + timedelta(days=10_000)
            pruned = records.retention.prune(far, after=after)
        after, calls = pruned.next, calls + 1
        longest = max(longest, time.monotonic() - one)
    took = time.monotonic() - began
    print(f"\none sweep: {calls} calls, {took:.1f} s, the longest {1000 * longest:.0f} ms")
    ledger.close()


def test_how_large_one_flow_is(tmp_path: Path) -> None:
    file, sizes = tmp_path / "gate.db", []
    for part in range(2):
        ledger = open_ledger(f"sqlite:///{file}")
        for number in range(part * 500, part * 500 + 500):
            _one_flow(ledger, number)
        ledger.close()
        sizes.append(file.stat().st_size)
    print(f"\none flow without its bodies: {(sizes[1] - sizes[0]) / 500:.0f} bytes")
