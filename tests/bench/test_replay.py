"""10 000 recorded decisions: made once more one by one, and judged under a new policy.

pytest -q -s -m bench tests/bench/test_replay.py
"""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.archive import policy_document
from devsecops_eda.evidence import open_evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import Verdict
from devsecops_eda.policy import PolicyText, load_policies
from devsecops_eda.replaying import Reader, what_if
from devsecops_eda.settings import GateSettings, Repository, Settings
from tests.faults.test_many_gates import CHECKS, POLICY, REPOS, history

DECISIONS = 10_000
pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]
STRICTER = POLICY.replace("high: 1", "high: 0")
USER = "bench"


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """A ledger with so many decisions, in memory: it is read that is measured, not the disk."""
    shm = Path("/dev/shm")
    where = shm if os.access(shm, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="devsecops-eda-bench-", dir=where) as folder:
        state = Path(folder)
        (state / "evidence").mkdir()
        made = Settings(
            state_dir=state, gate=GateSettings(database=f"sqlite:///{state / 'gate.db'}")
        )
        fill(made)
        yield made


def fill(settings: Settings) -> None:
    texts = (PolicyText("many.yaml", POLICY),)
    ledger = open_ledger(settings.gate.database)
    names = [f"many/repo-{at}" for at in range(REPOS)]
    gate = Gate(
        ledger=ledger,
        policy=load_policies(texts, checks=CHECKS, groups={}),
        checks=CHECKS,
        repositories={name: Repository(key=name, url="/nowhere") for name in names},
        evidence=open_evidence(settings.evidence_url),
        policy_document=policy_document(texts, CHECKS, {}),
    )
    now = datetime.now(UTC) - timedelta(days=1)
    begun = time.monotonic()
    for at in range(1, DECISIONS + 1):
        for event in history(at, USER, now).events:
            gate.take(event, user=USER, now=now)
    print(f"\n{DECISIONS} decisions recorded in {time.monotonic() - begun:.1f} s")
    ledger.close()


def test_every_old_decision_is_made_again_bit_for_bit(settings: Settings) -> None:
    ledger = open_ledger(settings.gate.database)
    reader = Reader(ledger, open_evidence(settings.evidence_url))
    with ledger.transaction() as records:
        ids = [row.decision for row in records.archive.since(datetime(2020, 1, 1, tzinfo=UTC))]
    assert len(ids) == DECISIONS
    begun = time.monotonic()
    same = sum(reader.replay(reader.recorded(one)).same for one in ids)
    took = time.monotonic() - begun
    print(f"\ndecision replay: {same} of {len(ids)} the same, bit for bit, in {took:.1f} s")
    assert same == DECISIONS
    ledger.close()


def test_history_is_judged_under_a_new_policy(settings: Settings) -> None:
    begun = time.monotonic()
    result = what_if(
        settings,
        (PolicyText("new.yaml", STRICTER),),
        since=datetime.now(UTC) - timedelta(days=90),
    )
    took = time.monotonic() - begun
    print(f"\npolicy replay: {result.judged} decisions, {len(result.flips)} flips in {took:.1f} s")
    assert result.judged == DECISIONS
    assert not result.unreadable
    # One finding each: allowed by the old limit, denied by the new one.
    assert len(result.flips) == DECISIONS // 4
    assert {(flip.was, flip.now) for flip in result.flips} == {(Verdict.ALLOW, Verdict.DENY)}
