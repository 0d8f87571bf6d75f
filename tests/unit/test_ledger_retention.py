"""A gate that forgets answers as one that forgets nothing, and its decisions replay."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from devsecops_eda import archive
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, Message, open_ledger
from devsecops_eda.model import Event, EventType, ScanRequested, Subject
from devsecops_eda.policy import PolicyText, load_policy
from devsecops_eda.replaying.recorded import Reader
from devsecops_eda.settings import Repository
from tests.judged import (
    BASE,
    CHECKS,
    HEAD,
    NOW,
    POLICY,
    REPO,
    NoEvidence,
    asked,
    commit_told,
    pushed,
    semgrep_failed,
    semgrep_told,
)
from tests.ledger_retention import prune

DAY = timedelta(days=1)
PUSHES = tuple(pushed(sha, target=target) for sha in (HEAD, BASE) for target in ("main", "next"))
SUBJECTS = tuple(Subject.commit(REPO, sha) for sha in (HEAD, BASE))


def _rescan(number: int) -> Event:
    subject = SUBJECTS[number % 2]
    data = ScanRequested(subject, "semgrep", target="main")
    event_id = f"rescan-{number}"
    flow = PUSHES[number % 4].correlationid
    return Event(event_id, "urn:ci", EventType.SCAN_REQUESTED, str(subject), NOW, flow, data)


CAUSES = (*PUSHES, *map(_rescan, range(3)))
FINDINGS = st.sets(st.sampled_from("abc"))
ABOUT = st.sampled_from(CAUSES)


def _scanned(push: Event, found: set[str]) -> list[Event]:
    return [push, commit_told(push), semgrep_told(push, *sorted(found))]


def _scanned_again(number: int, found: set[str]) -> list[Event]:
    return [_rescan(number), semgrep_told(_rescan(number), *sorted(found))]


def _asked(push: Event, gate: str) -> list[Event]:
    # Each time a question of its own: one that was forgotten is a new one when it is told again.
    return [asked(push.correlationid, gate)]


PUSHED = st.sampled_from(PUSHES)
RESCANS = st.integers(0, 2)
PRUNING = st.tuples(st.sampled_from([0 * DAY, DAY, 2 * DAY]), st.integers(1, 40))
STEPS = st.lists(
    st.one_of(
        st.builds(_scanned, PUSHED, FINDINGS),
        st.builds(_scanned_again, RESCANS, FINDINGS),
        st.builds(_asked, PUSHED, st.sampled_from(["merge", "release"])),
        ABOUT.map(lambda cause: [cause]),
        ABOUT.map(lambda cause: [semgrep_failed(cause)]),
        st.sampled_from([timedelta(hours=1), DAY, 2 * DAY]),
        PRUNING,
    ),
    min_size=6,
    max_size=16,
)


@dataclass
class World:
    """One gate with its ledger; what it says is published at once."""

    ledger: Ledger = field(default_factory=lambda: open_ledger("sqlite://"))
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(
            ledger=self.ledger,
            policy=load_policy(POLICY, file="test.yaml", checks=CHECKS),
            checks=CHECKS,
            repositories={REPO: Repository(key=REPO, url="/nowhere")},
            evidence=NoEvidence(),
            policy_document=archive.policy_document([PolicyText("test.yaml", POLICY)], CHECKS, {}),
        )

    def take(self, event: Event, now: datetime) -> dict[str, Message]:
        try:
            said = self.gate.take(event, user="ci", now=now)
        except InvalidEventError:
            return {}
        self.gate.published(said, now)
        return {message.id: message for message in said}

    def tick(self, now: datetime) -> frozenset[str]:
        said = self.gate.tick(now, owner="one")
        self.gate.published(said, now)
        return frozenset(message.id for message in said)

    def asks(self) -> object:
        with self.ledger.transaction() as records:
            return sorted(records.asks.of_repo(REPO), key=lambda ask: (ask.flow, ask.gate))

    def standing(self) -> list[str]:
        with self.ledger.transaction() as records:
            return [row.id for row in records.said.decisions_about(SUBJECTS)]


@given(STEPS)
@settings(max_examples=12)
def test_a_gate_that_forgets_answers_as_one_that_remembers_all(
    steps: list[list[Event] | timedelta | tuple[timedelta, int]],
) -> None:
    remembers, forgets = World(), World()
    now = NOW
    # Each flow is answered once: what nobody asked about may be forgotten whole.
    for step in (*(_scanned(push, set()) for push in PUSHES), *steps):
        if isinstance(step, timedelta):
            now += step
            assert forgets.tick(now) == remembers.tick(now)
        elif isinstance(step, list):
            for event in step:
                now += timedelta(seconds=1)
                all_of_it, left = remembers.take(event, now), forgets.take(event, now)
                # What a superseded decision said may be missing, and said anew where the facts
                # come back to it; no other decision may be told.
                assert left.keys() <= all_of_it.keys()
        else:
            prune(forgets.ledger, now - step[0], limit=step[1])
        assert forgets.asks() == remembers.asks()
        assert forgets.standing() == remembers.standing()
    prune(forgets.ledger, now + DAY)
    _each_that_stands_replays(forgets)
    _each_push_is_answered(remembers, forgets, now)


def _each_that_stands_replays(world: World) -> None:
    reader = Reader(world.ledger, NoEvidence())
    for decision in world.standing():
        assert reader.replay(reader.recorded(decision)).same


def _each_push_is_answered(remembers: World, forgets: World, now: datetime) -> None:
    for push in PUSHES:
        flow = push.correlationid
        with remembers.ledger.transaction() as records:
            given = {ask.decision for ask in records.asks.of_flow(flow, repo=REPO)}
        said, left = remembers.take(push, now), forgets.take(push, now)
        for decision in given - {None}:
            told = {key for key in said if f'"{decision}"'.encode() in said[key].body}
            assert told <= left.keys()
