"""Celery, held to what the promise needs. Each line was earned; none is a matter of taste."""

from __future__ import annotations

import logging
import ssl
import time
import warnings
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging
from celery.worker import state
from celery.worker.consumer import Consumer

from devsecops_eda.broker import address_of
from devsecops_eda.metrics import Recorder
from devsecops_eda.notify import Pulse, Systemd
from devsecops_eda.settings import BrokerSettings
from devsecops_eda.topology import Identities
from devsecops_eda.worker.doorway import REFUSE_TASK, SCAN_TASK, Doorway, event_queue
from devsecops_eda.worker.wire import hand_on_unreadable_messages

LOG = logging.getLogger(__name__)

LOOP = "loop"
"""The part of a program that is its main loop."""
TURNS_EVERY_S = 2.0
"""So often a loop that turns says so."""
EX_OUR_BUG = 70
"""Exit code of a worker that stopped because its own door kept failing (EX_SOFTWARE)."""


_WORDY = ("celery.worker.strategy", "celery.app.trace")
"""Loggers that tell of every task twice, by an id that says nothing; ours tell of the event."""


class LeanConsumer(Consumer):  # type: ignore[misc]
    """Celery's consumer without the step that declares 28 queues at mere start."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The steps of a consumer, less native delayed delivery."""

        default_steps = tuple(
            step
            for step in Consumer.Blueprint.default_steps
            if not str(step).endswith(":DelayedDelivery")
        )

    turned_at = 0.0
    """When the main loop last turned, on the monotonic clock."""
    pulse = Pulse(Systemd(), LOOP)
    """What is told of the loop; ``run`` sets the one that somebody listens to."""

    def register_with_event_loop(self, hub: Any) -> None:
        """Begin to turn, upon each new connection; Celery ends what the last one began."""
        super().register_with_event_loop(hub)
        self._turn()
        hub.call_repeatedly(TURNS_EVERY_S, self._turn)

    def _turn(self) -> None:
        self.turned_at = time.monotonic()
        self.pulse.beat(LOOP)

    def ensure_connected(self, conn: Any) -> Any:
        """Return ``conn``, connected; the loop does not turn meanwhile, and yet does not hang."""
        connect = conn.ensure_connection

        def patiently(errback: Any, max_retries: Any, callback: Callable[[], Any]) -> Any:
            def between_two_tries() -> None:
                callback()
                self.pulse.wait(LOOP, "waiting for the broker")

            return connect(errback, max_retries, callback=between_two_tries)

        conn.ensure_connection = patiently
        return super().ensure_connected(conn)

    def on_ready(self) -> None:
        """Tell that events come in, upon each new connection."""
        super().on_ready()
        self.pulse.systemd.ready("taking events")

    def stop(self) -> None:
        """Take no more, for good; what runs is waited for after that."""
        self.pulse.systemd.stopping()
        super().stop()


def celery_app(
    check: str,
    *,
    broker: BrokerSettings,
    identities: Identities,
    take: Callable[..., None],
    refuse: Callable[..., None],
    threads: bool,
    recorder: Recorder,
    time_limit_s: float | None = None,
) -> Celery:
    """Return the Celery application of one queue.

    ``take(body, user, attempts)`` gets each event that passed the door, a replayed one with its
    history behind; ``refuse`` each that did not. Neither may let an exception out, except
    ``celery.exceptions.Reject``. A process that works on one task for more than ``time_limit_s``
    seconds is killed, and the event goes back.
    """
    doorway = Doorway(check, identities=identities, stop=_stop, recorder=recorder)
    app = Celery(f"devsecops.{check}", set_as_current=False)
    app.conf.update(
        broker_url=broker.url,
        broker_use_ssl=_tls(broker),
        broker_heartbeat=10,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_queues=[event_queue(check, doorway)],
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure=False,
        task_acks_on_timeout=False,
        task_ignore_result=True,
        # The net under the sandbox's own limit, and below the broker's consumer timeout.
        task_time_limit=time_limit_s,
        accept_content=["json"],
        worker_consumer=f"{__name__}:LeanConsumer",
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=not threads,
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_pool="threads" if threads else "prefork",
    )
    app.task(name=SCAN_TASK, shared=False)(take)
    app.task(name=REFUSE_TASK, shared=False)(refuse)
    app.finalize()
    return app


def run(
    app: Celery,
    *,
    slots: int,
    hostname: str,
    pulse: Pulse,
    ready: Callable[[Any], None] | None = None,
) -> int:
    """Run the worker until it is told to stop; return its exit code.

    SIGTERM finishes what runs, SIGQUIT gives it back at once. ``ready`` gets the worker. The main
    loop is the part LOOP of ``pulse``.
    """
    hand_on_unreadable_messages()
    # With somebody connected Celery leaves the root logger and its level as they are.
    setup_logging.connect(_leave_logging_alone)
    for name in _WORDY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of root because of pickle; what is taken here is JSON of our own making.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        hostname=hostname,
        concurrency=slots,
        quiet=True,
        without_heartbeat=True,
        without_gossip=True,
        without_mingle=True,
        task_events=False,
        optimization="fair",
    )
    worker.consumer.pulse = pulse
    if ready is not None:
        ready(worker)
    worker.start()
    return int(worker.exitcode or 0)


def _leave_logging_alone(**_: Any) -> None:
    """Do nothing: how this program logs was settled when it started."""


def _stop() -> None:
    LOG.critical("the door keeps failing: stopping", extra={"action": "worker_stopped"})
    state.should_stop = EX_OUR_BUG


def _tls(broker: BrokerSettings) -> dict[str, Any] | bool:
    if not broker.url.startswith("amqps:"):
        return False
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(broker.ca_file) if broker.ca_file else None,
        "server_hostname": address_of(broker).host,
    }
