"""The command line: one file per command group, imported when its command is called."""

from __future__ import annotations

import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from devsecops_eda.cli.context import App
from devsecops_eda.cli.exit_codes import ExitCode, of_error
from devsecops_eda.cli.logged import Logged
from devsecops_eda.errors import DevSecOpsError, MissingExtraError

PROGRAM = "devsecops-eda"

COMMANDS = {
    "scan": ("devsecops_eda.cli.scan:scan", "Scan a checkout or folder and let the gate decide."),
    "ci": ("devsecops_eda.cli.ci:ci", "Tell this job's commit, wait for the decision, report."),
    "emit": ("devsecops_eda.cli.emit:emit", "Publish an event, and wait for the decision."),
    "wait": ("devsecops_eda.cli.wait:wait", "Wait for the decision on a flow."),
    "rescan": ("devsecops_eda.cli.rescan:rescan", "Ask for a subject to be scanned again."),
    "up": ("devsecops_eda.cli.worker:up", "Start topology, gate and workers, for a first trial."),
    "approvals": ("devsecops_eda.cli.approvals:approvals", "See what waits for people, and vote."),
    "waiver": ("devsecops_eda.cli.waiver:waiver", "Ask for, grant, revoke and list exceptions."),
    "override": ("devsecops_eda.cli.override:override", "Break the glass over one decision."),
    "policy": ("devsecops_eda.cli.policy:policy", "Check, test, explain or replay a policy."),
    "decision": ("devsecops_eda.cli.decision:decision", "Show or replay an old decision."),
    "worker": ("devsecops_eda.cli.worker:worker", "Work on the queue of one check."),
    "gate": ("devsecops_eda.cli.worker:gate", "Judge: fold outcomes into decisions."),
    "flow": ("devsecops_eda.cli.flow:flow", "Show one flow, event by event, on the gate's host."),
    "doctor": ("devsecops_eda.cli.doctor:doctor", "Say what is wrong here, and how to mend it."),
    "dead": ("devsecops_eda.cli.dead:dead", "See, replay or drop what was refused."),
    "topology": ("devsecops_eda.cli.topology:topology", "Show, apply, export RabbitMQ's part."),
    "events": ("devsecops_eda.cli.events:events", "List, show, validate or follow events."),
    "data": ("devsecops_eda.cli.data:data", "Manage vulnerability data."),
    "evidence": ("devsecops_eda.cli.evidence:evidence", "Clear up the store of reports."),
    "scanners": ("devsecops_eda.cli.scanners:scanners", "Manage the scanners' own environments."),
    "config": ("devsecops_eda.cli.config_show:config", "See what is configured."),
    "demo": ("devsecops_eda.cli.demo:demo", "Scan the sample application through the whole flow."),
}  # fmt: skip
"""Every command: where it is, and its line in the help (which must not import it)."""

EXTRAS = {"celery": "worker", "kombu": "worker", "semgrep": "scanners", "safety": "scanners"}
"""Which extra brings a module that may be missing."""


class Commands(click.Group):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, None when there is none by that name.

        Raises:
            MissingExtraError: it needs a part of the package that is not installed.
        """
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise missing_extra(extra) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the refusal names the nearest one there is."""
        import difflib

        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


def missing_extra(extra: str) -> MissingExtraError:
    """Return the error that says how to get ``extra``."""
    return MissingExtraError(
        f"this command needs the extra {extra!r}: pip install 'devsecops_eda[{extra}]'"
    )


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"{PROGRAM} {version('devsecops_eda')}")
    ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
    help="Configuration file; else DEVSECOPS_EDA_CONFIG, ./devsecops-eda.toml or the system's.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="error",
    show_default=True, help="What is logged on stderr.",
)  # fmt: skip
@click.option(
    "--log-format", type=click.Choice(["auto", "text", "json"]),
    help="How that is written; else `log.format` of the configuration.",
)  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version.",
)  # fmt: skip
@click.pass_context
def group(
    ctx: click.Context, config_path: Path | None, log_level: str, log_format: str | None
) -> None:
    """Event-driven DevSecOps on RabbitMQ: checks start by themselves, a gate decides."""
    log = Logged(log_level, log_format)
    if log_level != "debug":
        # It logs at length, as errors, what it also raises and we say in one line.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    ctx.obj = App(config_path=config_path, log=log)


def run(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code; an error of ours is one line on stderr."""
    try:
        result = group.main(args=argv, prog_name=PROGRAM, standalone_mode=False)
    except click.Abort:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except DevSecOpsError as error:
        click.echo(f"{PROGRAM}: {_one_line(str(error))}", err=True)
        return of_error(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception:
        # The edge of the process. Python would leave with 1, which here means that a gate denies.
        logging.getLogger(__name__).exception("this is a bug; please report it with these lines")
        return ExitCode.COULD_NOT_EVALUATE
    return result if isinstance(result, int) else ExitCode.ALLOW


def main() -> None:
    """Carry out the command line of this process and leave with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A symbol that the terminal's encoding lacks must not cost the report.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run())


def _one_line(text: str) -> str:
    """Return ``text`` on one line, without what a terminal would act on."""
    return "".join(char if char.isprintable() else " " for char in text)
