"""`devsecops-eda policy`: check it, test it, ask why, and see what it would have done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.policy_source import CASES, configured_policy
from devsecops_eda.cli.spans import span_of
from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.model import DEFAULT_GATE, Subject
from devsecops_eda.policy import Facts
from devsecops_eda.reports import plain, sentence
from devsecops_eda.settings import Settings

OUTPUT_VERSION = 1

_policy_option = click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), metavar="FILE",
    help="Policy file or folder, instead of the configured or built-in one.",
)  # fmt: skip
_format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def policy() -> None:
    """Check a policy, test it, ask why, and see what it would have done."""


@policy.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@pass_app
def check(app: App, path: Path | None) -> None:
    """Read the policy at PATH (else the configured one) and say what it holds.

    Exit status: 0 it holds, 2 something in it is wrong: the message names file, line, column, key
    and the nearest valid name.
    """
    made = configured_policy(app.settings, path)
    click.echo(f"{plain(made.name)}: {_many(len(made.rules), 'rule')}, {made.digest[:19]}")
    for gate in made.gates:
        rules = made.rules_of(gate.name)
        asked = ", ".join(sorted(gate.asked_by)) or "decision.requested only"
        click.echo(f"  gate {gate.name}: {_many(len(rules), 'rule')}, asked by {asked}")
    if made.waivers is None:
        click.echo("  no waivers: section, so no waiver holds")
    if made.break_glass is None:
        click.echo("  no break_glass: section, so nothing can be overridden")


@policy.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@_policy_option
@_format_option
@pass_app
def test(app: App, files: Sequence[Path], policy_path: Path | None, form: str) -> int:
    """Run the given/expect cases kept beside the policy (*.test.yaml), or those in FILES.

    Exit status: 0 all as expected, 1 some are not, 2 no cases or something wrong in them.
    """
    from devsecops_eda.cases import check_case, read_cases
    from devsecops_eda.predicates import CelEvaluator, with_matches

    settings = app.settings
    made = configured_policy(settings, policy_path)
    checked = []
    with closing(CelEvaluator()) as evaluator:
        for file in files or _beside(settings, policy_path):
            cases = read_cases(
                _text(file),
                file=str(file),
                policy=made,
                checks=settings.checks,
                people=settings.people,
            )
            checked += [
                check_case(
                    case,
                    made,
                    tuple(settings.checks),
                    lambda policy, facts: with_matches(policy, facts, evaluator),
                )
                for case in cases
            ]
    wrong = [one for one in checked if not one.passed]
    if form == "json":
        documents = [
            {
                "name": one.case.name,
                "place": one.case.place,
                "passed": one.passed,
                "verdict": one.decision.verdict.value,
                "wrong": list(one.wrong),
            }
            for one in checked
        ]
        click.echo(json.dumps({"version": OUTPUT_VERSION, "cases": documents}, indent=2))
    else:
        for one in checked:
            click.echo(f"{'ok  ' if one.passed else 'FAIL'} {plain(one.case.name)}")
            for line in one.wrong:
                click.echo(f"     {one.case.place}: {sentence(line)}")
        click.echo(f"{_many(len(checked), 'case')}, {len(wrong)} not as expected")
    return ExitCode.DENY if wrong else ExitCode.ALLOW


@policy.command()
@click.option("--gate", default=DEFAULT_GATE, show_default=True, help="The gate that is asked.")
@click.option("--repo", required=True, help="Key of the repository.")
@click.option("--branch", default="main", show_default=True, help="Branch it is judged for.")
@click.option("--environment", help="Environment it is to go to.")
@_policy_option
@_format_option
@pass_app
def explain(
    app: App,
    gate: str,
    repo: str,
    branch: str,
    environment: str | None,
    policy_path: Path | None,
    form: str,
) -> None:
    """Say which rules apply to a repository, branch and environment, and why the others do not."""
    from devsecops_eda.policy import selecting

    settings = app.settings
    made = configured_policy(settings, policy_path, local=True)
    if gate not in made.gate_names:
        known = ", ".join(made.gate_names)
        raise InvalidPolicyError(f"the policy has no gate {gate!r}; there are: {known}")
    facts = _about(settings, gate, repo, branch, environment)
    chosen = selecting.explain(made, facts)
    if form == "json":
        rules = [
            {"rule": one.rule, "policy": one.policy, "applies": one.applies, "why": one.why}
            for one in chosen
        ]
        click.echo(json.dumps({"version": OUTPUT_VERSION, "rules": rules}, indent=2))
        return
    if not facts.repository_known:
        click.echo(f"note: no repository {plain(repo)} is configured here", err=True)
    if not any(one.applies for one in chosen):
        click.echo("no policy matches: the decision would be an error")
    for one in chosen:
        mark = "applies" if one.applies else "not    "
        click.echo(f"{mark} {plain(one.rule)} ({plain(one.policy)}): {sentence(one.why)}")


@policy.command()
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), metavar="FILE", required=True,
    help="The new policy, a file or folder.",
)  # fmt: skip
@click.option(
    "--since", callback=span_of, default="90d", show_default=True, metavar="TIME",
    help="Decisions made so long ago or later.",
)  # fmt: skip
@click.option("--gate", help="Only the decisions of this gate.")
@click.option(
    "--fail-on", type=click.Choice(["any", "opens", "closes", "never"]), default="any",
    show_default=True, help="Which flips give exit code 1: opens is to allow, closes from allow.",
)  # fmt: skip
@_format_option
@pass_app
def replay(
    app: App, policy_path: Path, since: timedelta, gate: str | None, fail_on: str, form: str
) -> int:
    """Judge recorded history again with a new policy, and say which decisions would flip.

    Every decision is judged at its own time on the facts it was made on. Votes given under the
    old policy count as given under the new one. Reads the ledger: run it on the gate's host.

    Exit status: 0 nothing of what --fail-on names flips, 1 something does, 2 usage, 3 a decision
    could not be judged again, or there was none.
    """
    from devsecops_eda.cli.flips import told, written
    from devsecops_eda.cli.policy_source import policy_texts
    from devsecops_eda.replaying import what_if

    result = what_if(
        app.settings,
        policy_texts(app.settings, policy_path),
        since=datetime.now(UTC) - since,
        gate=gate,
    )
    click.echo(written(result) if form == "json" else told(result), nl=False)
    if result.failing(fail_on):
        return ExitCode.DENY
    # Nothing looked at is not "nothing flips".
    looked = result.judged or fail_on == "never"
    return ExitCode.ALLOW if looked and not result.unreadable else ExitCode.COULD_NOT_EVALUATE


def _about(settings: Settings, gate: str, repo: str, branch: str, environment: str | None) -> Facts:
    repository = settings.repositories.get(repo)
    return Facts(
        gate=gate,
        subject=Subject.commit(repo, "0" * 40),
        repository_known=repository is not None,
        target=branch,
        protected=repository is not None and repository.protects(branch),
        environment=environment,
        causes=(),
        outcomes=(),
    )


def _beside(settings: Settings, policy_path: Path | None) -> tuple[Path, ...]:
    """Return the files of cases that lie beside the policy.

    Raises:
        InvalidPolicyError: there are none: a test that looks at nothing would always pass.
    """
    policy = policy_path or settings.gate.policy
    if policy is None:
        raise InvalidPolicyError("the built-in policy has no cases: name a policy, or their files")
    if policy.is_dir():
        found = tuple(sorted(policy.glob(f"*{CASES}")))
        where = f"{policy}/*{CASES}"
    else:
        beside = policy.with_name(policy.stem + CASES)
        found = (beside,) if beside.is_file() else ()
        where = str(beside)
    if not found:
        raise InvalidPolicyError(f"there are no cases: {where} is missing")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: it is no UTF-8") from error


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
