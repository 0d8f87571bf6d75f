"""How a CI job waits: what it prints and when, what it goes by, and how it ends."""

import json
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda import codec
from devsecops_eda.broker import Address, declare, parse_url
from devsecops_eda.client import flow_of_push
from devsecops_eda.evidence import open_evidence
from devsecops_eda.model import (
    Decision,
    Event,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    OutcomeListed,
    OverrideState,
    OverrideTold,
    Subject,
    Verdict,
)
from devsecops_eda.topology import Topology
from tests.conftest import Vhost
from tests.results import SEMGREP
from tests.rig.programs import Program, Programs
from tests.rig.standin import NOW, StandIn, decision_made, scan_completed
from tests.rig.waiting import eventually

REPO = "acme/app"
SHA = "1" * 40
SUBJECT = Subject.commit(REPO, SHA)
ARTIFACT = "sha256:" + "2" * 64
FLOW = flow_of_push(REPO, ref="topic", sha=SHA, target="main")
PUSHED = ("--sha", SHA, "--branch", "topic", "--target", "main", "--wait", "60s")

TYPES = {
    OverrideState.ACTIVE: EventType.OVERRIDE_ACTIVATED,
    OverrideState.REFUSED: EventType.OVERRIDE_REFUSED,
}

Answer = Callable[[Event], Iterable[Event]]


@pytest.fixture
def address(vhost: Vhost) -> Address:
    declare(Topology(("commit", "semgrep")), parse_url(vhost.url))
    return parse_url(vhost.url)


@pytest.fixture
def ci(vhost: Vhost, programs: Programs, tmp_path: Path) -> Callable[..., Program]:
    """Start `ci` in an empty folder, in no CI system."""
    file, here = tmp_path / "site.toml", tmp_path / "here"
    here.mkdir()
    file.write_text(
        f'state_dir = "{tmp_path}"\n[broker]\nurl = "{vhost.url}"\nsole_user = "rig"\n'
        f'[repositories."{REPO}"]\nurl = "https://git.example/acme/app.git"\n'
    )

    def start(*argv: str, command: str = "ci", **env: str) -> Program:
        nowhere = {"GITHUB_ACTIONS": "", "GITLAB_CI": "", "JENKINS_URL": ""}
        words = ("--config", str(file), command, "--repo", REPO, *argv)
        return programs.devsecops_eda(*words, cwd=here, env={**nowhere, **env})

    return start


def overridden(
    flow: str,
    *,
    number: int = 0,
    state: OverrideState = OverrideState.ACTIVE,
    lasts: timedelta = timedelta(hours=1),
) -> Event:
    """Return what a gate tells of an override of decision ``number``."""
    data = OverrideTold(
        override="00000000-0000-5000-b000-000000000000",
        decision=f"00000000-0000-5000-8000-{number:012d}",
        repo=REPO,
        gate="merge",
        subject=SUBJECT,
        state=state,
        actor="ada",
        reason="the shop is down",
        expires_at=(datetime.now(UTC) + lasts).replace(microsecond=0),
        incident="INC-1",
    )
    return Event(
        id="00000000-0000-5000-c000-000000000000",
        source="urn:test:gate",
        type=TYPES[state],
        subject=data.override,
        time=NOW,
        correlationid=flow,
        data=data,
    )


def denying(*before: Callable[[str], Event]) -> Answer:
    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.COMMIT_PUSHED:
            yield from (say(event.correlationid) for say in before)
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.DENY)

    return answer


@pytest.mark.parametrize("command", ["ci", "emit", "wait"])
@pytest.mark.parametrize("accept", [False, True])
def test_an_override_in_force_is_printed_and_gone_by_only_if_that_is_wanted(
    ci: Callable[..., Program], address: Address, command: str, accept: bool
) -> None:
    def answer(event: Event) -> Iterable[Event]:
        if event.type in (EventType.COMMIT_PUSHED, EventType.DECISION_REQUESTED):
            yield overridden(event.correlationid)
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.DENY)

    argv = {
        "ci": PUSHED,
        "emit": ("commit.pushed", *PUSHED),
        "wait": ("--flow", FLOW, "--timeout", "60s"),
    }[command]
    with StandIn(address, answer):
        told = ci(*argv, *(("--accept-override",) if accept else ()), command=command)
        assert told.wait() == (0 if accept else 1), told.log
    assert "override active until" in told.log
    assert "by ada (INC-1): the shop is down" in told.log
    assert "DENY" in told.log
    assert ("--accept-override" in told.log) is not accept


@pytest.mark.parametrize(
    "override",
    [
        lambda flow: overridden(flow, lasts=-timedelta(seconds=1)),
        lambda flow: overridden(flow, state=OverrideState.REFUSED),
        lambda flow: overridden(flow, number=7),
    ],
    ids=["over", "refused", "of another decision"],
)
def test_no_other_override_opens_a_gate(
    ci: Callable[..., Program], address: Address, override: Callable[[str], Event]
) -> None:
    with StandIn(address, denying(override)):
        told = ci(*PUSHED, "--accept-override")
        assert told.wait() == 1, told.log


def test_each_thing_is_printed_once_with_the_source_of_each_fact(
    ci: Callable[..., Program], address: Address
) -> None:
    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.COMMIT_PUSHED:
            for _ in range(3):
                yield scan_completed(event, SUBJECT, check="semgrep")
                yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.PENDING)
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.ALLOW)

    with StandIn(address, answer):
        told = ci(*PUSHED)
        assert told.wait() == 0, told.log
    lines = told.log.splitlines()
    assert lines[:5] == [
        "git checkout",
        f"  commit       {SHA}  (--sha)",
        "  branch       topic  (--branch)",
        "  into         main  (--target)",
        f"  repository   {REPO}  (--repo)",
    ]
    assert f"flow {FLOW}  {REPO}@{SHA}  gate merge" in lines
    assert lines.count("  semgrep: no findings") == 1
    assert sum("pending" in line for line in lines) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_a_job_ends_only_the_waiting_and_says_how_to_go_on(
    ci: Callable[..., Program], vhost: Vhost, address: Address, number: signal.Signals
) -> None:
    del address

    def replies() -> list[str]:
        return [name for name in vhost.queues() if ".reply." in name]

    waiting = ci(*PUSHED)
    eventually(replies, timeout_s=60, what="it waits")
    waiting.signal(number)
    assert waiting.wait(timeout_s=20) == 130
    assert "the flow goes on: devsecops-eda wait" in waiting.log
    assert f"--flow {FLOW}" in waiting.log
    assert replies() == []


def test_a_job_that_heard_nothing_writes_no_report(
    ci: Callable[..., Program], address: Address, tmp_path: Path
) -> None:
    del address
    report = tmp_path / "report.xml"
    told = ci(*PUSHED[:-1], "2s", "--output", f"junit={report}")
    assert told.wait() == 8, told.log
    assert "no report is written" in told.log
    assert not report.exists()


def listing(event: Event, outcomes: tuple[OutcomeListed, ...]) -> Event:
    request = event.data
    assert isinstance(request, ListingRequested)
    mine = outcomes if request.about == FLOW else ()
    return Event(
        id=event.id.replace("0", "1"),
        source="urn:test:gate",
        type=EventType.LISTING_MADE,
        subject=event.subject,
        time=NOW,
        correlationid=event.correlationid,
        causationid=event.id,
        data=ListingMade(Listed.OUTCOMES, repo=request.repo, outcomes=mine),
    )


@pytest.mark.parametrize("readable", [False, True])
def test_a_report_has_what_lies_in_the_evidence_store_or_says_that_it_has_not(
    ci: Callable[..., Program], address: Address, tmp_path: Path, readable: bool
) -> None:
    whole = replace(
        SEMGREP,
        subject=SUBJECT,
        findings=tuple(replace(SEMGREP.findings[0], line=at) for at in range(1, 61)),
    )
    digest = "sha256:" + "0" * 64
    if readable:
        _, digest = open_evidence((tmp_path / "evidence").as_uri()).put(
            codec.outcome_to_evidence(whole)
        )
    summary = replace(whole, findings=whole.findings[:50])
    kept = OutcomeListed("00000000-0000-5000-a000-000000000000", summary, "file:///x", digest)

    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.COMMIT_PUSHED:
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.DENY)
        elif event.type is EventType.LISTING_REQUESTED:
            yield listing(event, (kept,))

    sarif = tmp_path / "r.sarif"
    with StandIn(address, answer):
        told = ci(*PUSHED, "--output", f"sarif={sarif}")
        assert told.wait() == 1, told.log
    (run,) = json.loads(sarif.read_text())["runs"]
    assert len(run["results"]) == (60 if readable else 50)
    assert run["invocations"][0]["executionSuccessful"] is readable
    assert ("the reports are incomplete: semgrep" in told.log) is not readable


def test_a_deployment_is_asked_for_and_the_run_again_is_the_same_request(
    ci: Callable[..., Program], address: Address
) -> None:
    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.DEPLOYMENT_REQUESTED:
            artifact = Subject.artifact(ARTIFACT, REPO)
            made = decision_made(artifact, flow=event.correlationid, verdict=Verdict.DENY)
            assert isinstance(made.data, Decision)
            # Allowed for staging is not allowed for production.
            allowed = replace(made.data, environment="staging", verdict=Verdict.ALLOW)
            yield replace(made, data=allowed)
            yield replace(made, data=replace(made.data, environment="prod"))

    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_SHA": SHA,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_ACTOR": "grace",
    }
    asks = ("--environment", "prod", "--artifact", ARTIFACT, "--wait", "60s")
    with StandIn(address, answer) as standin:
        told = [ci(*asks, **{**github, "GITHUB_RUN_ID": run}) for run in ("77", "77", "78")]
        assert [one.wait() for one in told] == [1, 1, 1], told[0].log
    heard = [one for one in standin.heard if one.type is EventType.DEPLOYMENT_REQUESTED]
    ids = [one.id for one in heard]
    first, second, third = sorted(heard, key=lambda one: ids.count(one.id), reverse=True)
    assert f"flow {first.correlationid}  {ARTIFACT} for prod  gate merge" in told[0].log
    assert "  requester    grace  (GITHUB_ACTOR)" in told[0].log.splitlines()
    assert first.id == second.id
    assert first.correlationid != third.correlationid
