"""The programs on the broker: ``worker``, ``gate``, and ``up`` for a first trial of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Named here so that a missing extra is noticed, and named, when the command is asked for.
import celery  # noqa: F401
import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.policy_source import configured_policy, policy_texts
from devsecops_eda.errors import ConfigurationError, TransientError
from devsecops_eda.notify import Systemd
from devsecops_eda.policy import load_policies
from devsecops_eda.topology import GATE_CHECK, queue_name

if TYPE_CHECKING:
    from devsecops_eda.settings import Settings


@click.command()
@click.argument("check")
@click.option(
    "--slots", type=click.IntRange(1, 256), help="Events worked on at once; else the check's own."
)
@pass_app
def worker(app: App, check: str, slots: int | None) -> int:
    """Work on the queue of CHECK until SIGTERM, which finishes what runs.

    Exit status: 0 it was told to end, 2 the configuration is wrong or there is no queue, 4 the
    broker refuses it, 70 its door failed several times in a row, which is a bug of ours.
    """
    from devsecops_eda.scanning import the_check
    from devsecops_eda.worker.scan_program import run_worker

    _run_for_days(app)
    settings = app.settings
    if check not in settings.checks:
        raise ConfigurationError(
            f"the check {check!r} is not configured; there are: {', '.join(settings.checks)}"
        )
    _expect_queue(settings, check)
    return run_worker(
        settings,
        the_check(check),
        slots=slots or settings.checks[check].slots,
        systemd=Systemd.of(app.environ),
    )


@click.command()
@pass_app
def gate(app: App) -> int:
    """Judge: fold outcomes into decisions until SIGTERM, which finishes what runs.

    A ledger or broker that is away is waited for.

    Exit status: 0 it was told to end, 2 configuration or policy is wrong or there is no queue, 4
    the broker refuses it, 70 its door failed several times in a row, which is a bug of ours.
    """
    from devsecops_eda.archive import policy_document
    from devsecops_eda.worker.gate_program import run_gate

    _run_for_days(app)
    settings = app.settings
    texts, groups = policy_texts(settings), settings.people.groups
    policy = load_policies(texts, checks=settings.checks, groups=groups)
    _expect_queue(settings, GATE_CHECK)
    document = policy_document(texts, settings.checks, groups)
    return run_gate(settings, policy, document=document, systemd=Systemd.of(app.environ))


@click.command()
@pass_app
def up(app: App) -> int:
    """Start topology, gate and every configured worker as children, for a first trial.

    They end together. In production each is a service of its own.

    Exit status: 0 it was told to end, 2 usage, 3 the broker is away or one of them ended, 4 the
    broker refuses it.
    """
    from devsecops_eda.cli.together import Together

    settings = app.settings
    configured_policy(settings)
    options = app.log.options if app.log is not None else ()
    with Together(settings, config=app.loaded.file, options=options) as together:
        together.start()
        click.echo(
            "Topology, gate and workers are up: "
            f"{', '.join((*settings.checks, 'gate'))}. Ctrl-C ends them together.\n"
            "This is for a first trial; in production each of them is a service of its own.",
            err=True,
        )
        return together.wait()


def _expect_queue(settings: Settings, check: str) -> None:
    """Refuse to start where the broker refuses us or has no queue for ``check``.

    Celery would end in a traceback, and with 1, which here means that a gate denies. A broker that
    is away is no reason: the program waits for it.

    Raises:
        NotAuthorisedError: the broker refuses user, password or vhost.
        ConfigurationError: the queue is not there.
    """
    from devsecops_eda.broker import Deadline, Link, RefusedError, address_of

    address = address_of(settings.broker)
    deadline = Deadline.after(settings.broker.connect_timeout_s)
    try:
        link = Link.open(address, deadline)
        try:
            link.call(deadline, "queue_declare", queue=queue_name(check), passive=True)
        finally:
            link.close()
    except TransientError:
        return
    except RefusedError as error:
        if error.code == 404:
            raise ConfigurationError(
                f"{address}: {error.text}: `devsecops-eda topology apply` makes it"
            ) from error


def _run_for_days(app: App) -> None:
    if app.log is not None:
        app.log.run_for_days()
