"""Real faults of a real installation, of which a real Prometheus tells by the shipped rules.

The rules go sixty times faster than shipped (`tests.rig.prometheus.Pace` says what that changes);
the last test takes them as they are. VoteOverdue alone is not seen here: even so it would take more
than an hour. Its logic is shown by the unit tests of the rules.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pika
import pytest
from pika.exceptions import AMQPError

from devsecops_eda.broker import Outgoing, outgoing, publish_once
from devsecops_eda.codec import CONTENT_TYPE
from devsecops_eda.topology import EVENTS, GATE_CHECK, queue_name
from tests.monitoring.conftest import Live, speak_of_another_repository
from tests.rig.monitored import CHECKS, GATE, VHOST, clock_is_set
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.monitoring, pytest.mark.timeout(600)]

LATE = timedelta(minutes=10)


def waiting(live: Live, check: str) -> int:
    """Return how many events wait in a queue that nobody takes from."""
    address = live.site.address("devsecops-operator")
    with pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection:
        declared = connection.channel().queue_declare(queue_name(check), passive=True)
        return int(declared.method.message_count)


def forget_dead_letters(live: Live) -> None:
    operator = live.site.node.url(live.site.login("devsecops-operator"), vhost=VHOST)
    done = live.site.programs.run(
        *("--config", live.site.config, "dead", "drop", "--all", "--yes"),
        env={"DEVSECOPS_EDA_BROKER_URL": operator},
    )
    assert done.exit_code == 0, done.log


def test_a_killed_worker_and_what_waits_for_it(live: Live) -> None:
    with live.fault("WorkerGone", "NoConsumers", "QueueStalled", "DecisionOverdue") as fire:
        live.site.running["commit"].kill()
        live.push("nobody-reads-me")
        fire()
        live.site.start("commit")


def test_a_message_that_is_no_event(live: Live) -> None:
    with live.fault("DeadLetters") as fire:
        event = outgoing(live.site.pushed("1" * 40, branch="main"))
        broken = Outgoing(EVENTS, event.key, b"{", {"content_type": CONTENT_TYPE}, mandatory=True)
        publish_once(live.site.address("ci-acme"), broken, timeout_s=30)
        fire()
        forget_dead_letters(live)


def test_a_job_that_speaks_of_what_is_not_its_own(live: Live) -> None:
    with live.fault("IdentityRefused", also=frozenset({"DeadLetters"})) as fire:
        speak_of_another_repository(live.site.address("ci-acme"))
        fire()
        forget_dead_letters(live)


def test_a_password_that_is_guessed_at(live: Live) -> None:
    address = live.site.address("devsecops-gate")
    parameters = address.parameters(address.host, timeout_s=10)
    parameters.credentials = pika.PlainCredentials("devsecops-gate", "guess")
    with live.fault("LoginsRefused") as fire:
        for _ in range(20):
            with pytest.raises(AMQPError):
                pika.BlockingConnection(parameters)
        fire()


def test_an_alarm_of_the_broker_and_the_answers_that_it_holds_up(live: Live) -> None:
    # That the gate has to be stopped, for this one to come about, is seen too.
    stopped = frozenset({"WorkerGone", "NoConsumers", "QueueStalled", "DecisionOverdue"})
    with live.fault("BrokerAlarm", "AnswersOwed", also=stopped) as fire:
        live.site.running[GATE].end()
        live.push("answered-too-late")
        eventually(
            lambda: waiting(live, GATE_CHECK) > len(CHECKS), timeout_s=60, what="all outcomes wait"
        )
        with live.site.node.memory_alarm():
            live.site.start(GATE)
            fire()


def test_vulnerability_data_that_nobody_renews(live: Live) -> None:
    with live.fault("DataStale", "DataOld", "NotReady") as fire:
        live.site.import_advisories(datetime.now(UTC) - timedelta(days=10))
        fire()
        live.site.import_advisories(datetime.now(UTC))


def test_decisions_that_come_late(live: Live) -> None:
    with live.fault("DecisionsLateFast", "DecisionsLateSlow") as fire, live.site.client() as client:
        # Told ten minutes after the push, again and again: one is over before its alert.
        for number in range(12):
            branch = f"late-{number}"
            sha = live.site.commit({"late.py": f"{branch = }\n"}, branch=branch)
            event = live.site.pushed(sha, branch=branch, time=datetime.now(UTC) - LATE)
            decision = client.ask(event, timeout_s=60)
            assert decision is not None
        fire()


def test_a_broker_that_is_away(live: Live) -> None:
    back = frozenset({"NoConsumers"})
    with live.fault("QueuesUnseen", "NotReady", also=back) as fire:
        live.site.node.shut_down()
        fire()
        live.site.node.start()


def test_a_clock_that_nobody_sets(live: Live) -> None:
    if clock_is_set():
        pytest.skip("the clock of this machine is set by somebody, and must be left alone")
    with live.fault("ClockOffset") as fire:
        live.prometheus.watch("node", [live.site.watch_host()])
        fire()
        live.prometheus.watch("node", [])


def test_alerts_of_the_rules_as_they_are_shipped(live: Live) -> None:
    shipped = live.site.prometheus("shipped")
    names = ("BrokerAlarm", "IdentityRefused")
    eventually(lambda: not shipped.unwell(), timeout_s=60, what="all targets were scraped")
    speak_of_another_repository(live.site.address("ci-acme"))
    # It is refused when the dead letter is confirmed, and in an alarm none is.
    eventually(lambda: "IdentityRefused" in shipped.alerts(), timeout_s=90, what="it fires")
    with live.site.node.memory_alarm():
        eventually(lambda: set(names) <= shipped.alerts(), timeout_s=200, what=f"{names} fire")
    forget_dead_letters(live)
    eventually(lambda: "BrokerAlarm" not in shipped.alerts(), timeout_s=90, what="it is over")
    assert shipped.were("firing", over_s=300) == set(names)
