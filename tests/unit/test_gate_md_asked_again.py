"""A decision that got too old is young again once its gate said the same anew."""

from datetime import timedelta

from devsecops_eda.model import Event, Verdict
from tests.governed import HEADER, asks, governed, wanted
from tests.judged import NOW, commit_told, decisions, pushed, semgrep_told, take

HOUR = timedelta(hours=1)
AGED = HEADER + (
    "  - {id: merged, kind: decision, gates: [deploy], gate: merge, target: main, max_age: 1h}\n"
)


def test_asking_a_gate_again_renews_what_another_gate_rests_on() -> None:
    judge, push, wish = governed(AGED), pushed(), wanted()

    def deployed(*events: Event, now: timedelta) -> list[Verdict]:
        said = decisions(take(judge, *events, now=NOW + now))
        return [one.verdict for one in said if one.gate == "deploy"]

    took = deployed(push, commit_told(push), semgrep_told(push), wish, now=timedelta(0))
    assert took == [Verdict.ALLOW]
    question = asks(wish.correlationid, "deploy", environment="prod")
    assert deployed(question, now=HOUR) == [Verdict.ERROR]
    # That is what the error says to do.
    assert deployed(asks(push.correlationid, "merge"), now=HOUR) == [Verdict.ALLOW]
    assert deployed(asks(wish.correlationid, "deploy", environment="prod"), now=HOUR) == [
        Verdict.ALLOW
    ]
