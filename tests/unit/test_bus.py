"""Events within one process: whatever a consumer does, nobody waits for it in silence."""

from devsecops_eda.embedded.bus import Bus
from devsecops_eda.model import Event
from devsecops_eda.topology import Topology
from tests.examples import golden
from tests.rig.waiting import eventually

PUSH = golden("commit.pushed", "branch_with_target")


def test_a_consumer_that_fails_is_told_of_and_takes_the_next_event() -> None:
    taken: list[Event] = []

    def consumer(event: Event) -> None:
        taken.append(event)
        raise ZeroDivisionError

    bus = Bus(Topology(("semgrep",)), {"semgrep": consumer})
    bus.start()
    bus.publish(PUSH)
    bus.publish(PUSH)
    eventually(lambda: len(bus.broken) == 2, timeout_s=10, what="both failed")
    bus.stop(timeout_s=10)
    assert taken == [PUSH, PUSH]
    assert {type(error) for error in bus.broken} == {ZeroDivisionError}
