"""`devsecops-eda topology`: RabbitMQ's part, shown, applied, exported."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.definitions import Account, accounts, definitions, password_hash
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.roles import MAY_SAY
from devsecops_eda.topology import Identities, Topology

OUTPUT_VERSION = 1
MAX_PASSWORD_BYTES = 1024


@click.group()
def topology() -> None:
    """Show, apply or export what stands on RabbitMQ for the configured checks."""


@topology.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def show(app: App, form: str) -> None:
    """Print exchanges, queues, bindings and who may say what. Asks no broker."""
    table = Topology(tuple(app.settings.checks))
    if form == "json":
        click.echo(json.dumps({"version": OUTPUT_VERSION, **_document(table)}, indent=2))
        return
    for line in _lines(table):
        click.echo(line)


@topology.command()
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=1), default=60.0, show_default=True,
    metavar="SECONDS", help="The whole time.",
)  # fmt: skip
@pass_app
def apply(app: App, timeout_s: float) -> None:
    """Make exchanges, queues and bindings on the configured broker.

    What is there already stays; applying again is harmless. The broker's user needs the right to
    make them (configure), which programs in daily work do not have.
    """
    from devsecops_eda.broker import address_of, declare

    table = Topology(tuple(app.settings.checks))
    address = address_of(app.settings.broker)
    declare(table, address, timeout_s=timeout_s)
    click.echo(
        f"{address}: {len(table.exchanges)} exchanges, {len(table.queues)} queues and"
        f" {len(table.bindings)} bindings stand"
    )


Held = dict[str, tuple[str, ...] | None]
"""Users with the repositories they are held to; None is any."""


def _users_of_repos(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Held:
    found: Held = {}
    for value in values:
        user, sign, repos = value.partition("=")
        names = tuple(name.strip() for name in repos.split(",") if name.strip())
        open_ended = param.name == "approvers" and not sign
        if not user or not (names or open_ended):
            raise click.BadParameter(f"{value!r} is not {param.metavar}", ctx, param)
        before = found.get(user, ())
        found[user] = None if before is None or open_ended else (*before, *names)
    return found


@topology.command()
@click.option("--users", is_flag=True, help="With the users of all programs and their rights.")
@click.option(
    "--ci", multiple=True, callback=_users_of_repos, metavar="USER=REPO[,REPO…]",
    help="A user for CI jobs, held to these repositories. May be repeated.",
)  # fmt: skip
@click.option(
    "--builder", "builders", multiple=True, callback=_users_of_repos, metavar="USER=REPO[,REPO…]",
    help="The same for jobs that also publish artifacts. May be repeated.",
)  # fmt: skip
@click.option(
    "--approver", "approvers", multiple=True, callback=_users_of_repos,
    metavar="USER[=REPO[,REPO…]]",
    help="A user for one person who votes and waives, in any repository unless said."
    " May be repeated.",
)  # fmt: skip
@click.option(
    "--operator", "operators", multiple=True, default=("devsecops-operator",), show_default=True,
    metavar="USER", help="A user for operators. May be repeated.",
)  # fmt: skip
@click.option(
    "--passwords", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Take each user's password from the file in FOLDER that has the user's name.",
)  # fmt: skip
@click.option(
    "--make-passwords", is_flag=True,
    help="Make the folder and the passwords that are not there; nobody else can read them.",
)  # fmt: skip
@click.option("--vhost", help="Else that of the configured broker URL.")
@pass_app
def export(
    app: App,
    users: bool,
    ci: Held,
    builders: Held,
    approvers: Held,
    operators: tuple[str, ...],
    passwords: Path | None,
    make_passwords: bool,
    vhost: str | None,
) -> None:
    """Print RabbitMQ's definitions.json (rabbitmqctl import_definitions, load_definitions).

    Users without a password file cannot log in until they are given a password; importing the
    document again takes it away again.
    """
    from devsecops_eda.broker import address_of

    if (ci or builders or approvers or passwords) and not users:
        raise click.UsageError("--ci, --builder, --approver and --passwords go with --users")
    if make_passwords and not passwords:
        raise click.UsageError("--make-passwords goes with --passwords FOLDER")
    settings = app.settings
    checks = tuple(settings.checks)
    everyone: tuple[Account, ...] = ()
    if users:
        _refuse_unbelieved(builders, settings.identities)
        everyone = accounts(
            checks,
            settings.identities,
            ci={user: repos or () for user, repos in ci.items()},
            builders={user: repos or () for user, repos in builders.items()},
            approvers=approvers,
            operators=operators,
        )
    if passwords:
        _refuse_unusable(everyone, passwords, missing=make_passwords)
    if passwords and make_passwords:
        _make_missing(everyone, passwords)
    document = definitions(
        Topology(checks),
        vhost=vhost or address_of(settings.broker).vhost,
        users=everyone,
        password_hashes=_hashes(everyone, passwords) if passwords else {},
    )
    click.echo(json.dumps(document, indent=2))


def _refuse_unbelieved(builders: Iterable[str], identities: Identities) -> None:
    for user in builders:
        if user not in identities.builders:
            raise ConfigurationError(
                f"{user} is not in [broker] builders: the gate would refuse what he publishes"
            )


def _refuse_unusable(users: Iterable[Account], folder: Path, *, missing: bool) -> None:
    if not missing and not folder.is_dir():
        raise ConfigurationError(f"{folder} is not there; --make-passwords makes it")
    for user in users:
        if "/" in user.name:
            raise ConfigurationError(f"the user {user.name} has a / in the name: no file can")


def _make_missing(users: Iterable[Account], folder: Path) -> None:
    """Give each user without a file in ``folder`` one with a password of 192 random bits.

    It is of hexadecimal digits only, so that it stands in a URL as it is.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for user in users:
            try:
                file = os.open(folder / user.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(file, "w") as opened:
                opened.write(f"{secrets.token_hex(24)}\n")
    except OSError as error:
        raise ConfigurationError(f"no password can be made in {folder}: {error}") from error


def _hashes(users: Iterable[Account], folder: Path) -> dict[str, str]:
    hashes = {}
    for user in users:
        file = folder / user.name
        # A link to nowhere is no missing file: its user would be without a password, in silence.
        if not (file.exists() or file.is_symlink()):
            continue
        try:
            with file.open("rb") as opened:
                password = opened.read(MAX_PASSWORD_BYTES).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file} cannot be read as a password") from error
        if not password:
            raise ConfigurationError(f"{file} holds no password")
        hashes[user.name] = password_hash(password, salt=secrets.token_bytes(4))
    return hashes


def _document(table: Topology) -> dict[str, object]:
    return {
        "exchanges": [{"name": one.name, "type": one.kind} for one in table.exchanges],
        "queues": [{"name": one.name, "arguments": dict(one.arguments)} for one in table.queues],
        "bindings": [
            {"exchange": one.exchange, "queue": one.queue, "key": one.key} for one in table.bindings
        ],
        "may_say": {
            type_.value: sorted(role.value for role in roles) for type_, roles in MAY_SAY.items()
        },
    }


def _lines(table: Topology) -> Iterable[str]:
    yield "exchanges"
    width = max(len(queue.name) for queue in table.queues)
    for exchange in table.exchanges:
        yield f"  {exchange.name:<{width}}  {exchange.kind}"
    yield "queues"
    for queue in table.queues:
        arguments = " ".join(
            f"{name.removeprefix('x-')}={value}" for name, value in queue.arguments.items()
        )
        yield f"  {queue.name:<{width}}  {arguments}"
    yield "bindings"
    for binding in table.bindings:
        yield f"  {binding.queue:<{width}}  {binding.exchange}: {binding.key or '(all)'}"
    yield "who may say what"
    for type_, roles in MAY_SAY.items():
        yield f"  {type_.value:<{width}}  {', '.join(sorted(role.value for role in roles))}"
