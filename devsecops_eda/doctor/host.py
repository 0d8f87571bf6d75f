"""What this machine brings: programs, folders, files and data."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from devsecops_eda import sandbox
from devsecops_eda.checks import Check, CheckSettings, Scanner
from devsecops_eda.doctor.finding import Finding, fail, not_checked, ok, some, warn
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason, UnavailableError
from devsecops_eda.scanners import TOOLS, Installation, installation
from devsecops_eda.settings import KEYS, Loaded, Repository, SandboxMode, Settings

LITTLE_BYTES = 1024**3
"""With less room a fetch or a scan may fail at any moment."""
_OF_DATA = (FailureReason.NO_DATA, FailureReason.STALE_DATA)
_OLD = 0.8
"""From this part of its allowed age on data is old enough to say so."""


def there(path: Path) -> bool:
    """Return whether this user sees ``path``."""
    return os.access(path, os.F_OK)


def version_findings() -> Iterator[Finding]:
    """Yield which programs talk here."""
    ours = _version("devsecops_eda") or "?"
    celery = _version("celery")
    text = f"devsecops-eda {ours}, Python {platform.python_version()}"
    yield ok("versions", f"{text}, Celery {celery}" if celery else text)
    if celery is None:
        yield not_checked(
            "versions",
            "the extra worker is not installed here; gate and workers need it",
            "pip install 'devsecops_eda[worker]' where they run",
        )
    if shutil.which("git") is None:
        yield fail("versions", "there is no git here; workers need it", "install git")


def transport_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether passwords go over the network in the clear."""
    for name, url, secure in (
        ("broker.url", settings.broker.url, "amqps"),
        ("broker.management_url", settings.broker.management_url, "https"),
    ):
        parts = urlsplit(url)
        if url and parts.scheme != secure and not _is_here(parts.hostname or ""):
            yield warn(
                "broker",
                f"{name} is {parts.scheme}://: its password goes to {parts.hostname} in the clear",
                f"let the broker speak TLS and name it {secure}://",
            )
        if url and parts.username == "guest" and not _is_here(parts.hostname or ""):
            yield warn("broker", f"{name} names the user guest", "make a user for each program")


def configuration_finding(loaded: Loaded) -> Finding:
    """Return whether a secret lies in a configuration file that everybody can read."""
    if loaded.file is None:
        return ok("configuration", "there is no file: defaults and environment hold")
    secret = {key.path for key in KEYS if key.secret}
    inside = [
        ".".join(path)
        for path, origin in loaded.origins.items()
        if path in secret and origin.startswith(f"{loaded.file}:") and _has_secret(loaded, path)
    ]
    try:
        mode = loaded.file.stat().st_mode
    except OSError as error:
        return not_checked("configuration", f"{loaded.file}: {error.strerror}")
    if inside and mode & stat.S_IROTH:
        return warn(
            "configuration",
            f"everybody on this machine can read {loaded.file}, and in it {some(inside)}",
            f"chmod o-r {loaded.file}, or move the secret into a file or credential of its own",
        )
    return ok("configuration", str(loaded.file))


def _has_secret(loaded: Loaded, path: tuple[str, ...]) -> bool:
    if path == ("broker", "password"):
        return True
    broker, gate = loaded.settings.broker, loaded.settings.gate
    urls = {"url": broker.url, "management_url": broker.management_url, "database": gate.database}
    try:
        return urlsplit(urls.get(path[-1], "")).password is not None
    except ValueError:
        return True


def state_finding(settings: Settings) -> Finding:
    """Return whether the state folder can be used and has room."""
    folder = settings.state_dir
    if not there(folder):
        return warn(
            "state", f"{folder} is not there yet", "make it, for the user of workers and gate"
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return warn(
            "state", f"this user may not use {folder}", "run the doctor as the user of the service"
        )
    free = shutil.disk_usage(folder).free
    if free < LITTLE_BYTES:
        text = f"{free // 1024**2} MiB are free below {folder}"
        return warn("state", text, "make room: fetches, scans and the ledger need some")
    return ok("state", f"{folder}, {free // 1024**3} GiB free")


def repository_findings(repositories: Mapping[str, Repository]) -> Iterator[Finding]:
    """Yield what git lacks to fetch what is configured."""
    if not repositories:
        yield warn(
            "repositories",
            "none is configured: every scan fails as unknown_repository",
            'name them: [repositories."<name>"] url',
        )
        return
    found = [one for each in repositories.values() for one in _repository(each)]
    yield from found
    if not found:
        yield ok("repositories", f"{len(repositories)} configured")


def _repository(repository: Repository) -> Iterator[Finding]:
    file = repository.credential_file
    if file is not None:
        try:
            mode = file.stat().st_mode
        except OSError as error:
            yield warn(
                "repositories",
                f"the credential of {repository.key} cannot be read: {file}: {error.strerror}",
                "put it there, for the user of the workers",
            )
        else:
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                text = f"everybody on this machine can read {file}, the credential of"
                yield warn("repositories", f"{text} {repository.key}", f"chmod 0600 {file}")
    if "file" in repository.protocols and not there(Path(repository.url)):
        yield warn(
            "repositories",
            f"{repository.url} of {repository.key} is not there",
            "mend its url, or make it readable for the user of the workers",
        )


def sandbox_finding(mode: SandboxMode) -> Finding:
    """Return whether scanners can be kept apart here. It is tried out."""
    if mode is SandboxMode.NONE:
        return warn(
            "sandbox",
            "scanners run without a sandbox (sandbox = 'none'): what they read can reach this"
            " machine and its network",
            "install bubblewrap and name sandbox = 'bubblewrap'",
        )
    lacking = sandbox.missing(mode)
    if lacking is not None:
        return fail(
            "sandbox",
            f"no worker starts here: {lacking}",
            "install bubblewrap, and let this user make namespaces; without workers here: --skip"
            " sandbox",
        )
    return ok("sandbox", f"{mode.value} works")


def scanner_findings(
    settings: Settings, checks: Mapping[str, Check], *, required: Collection[str]
) -> Iterator[Finding]:
    """Yield whether each scanner is here, in the version that was tested."""
    for name, check in checks.items():
        if not isinstance(check, Scanner):
            continue
        found = installation(check.tool, state_dir=settings.state_dir)
        lacking = _lacking(found)
        if lacking is None:
            yield ok("scanners", f"{check.tool} {found.version}".strip() + f" in {found.prefix}")
        elif name in required:
            yield fail("scanners", lacking, _install(check.tool))
        else:
            yield warn("scanners", lacking, _install(check.tool))


def _lacking(found: Installation) -> str | None:
    if not found.installed:
        wanted = f"{found.tool} {found.version}".strip()
        return f"{wanted} is not installed here"
    if found.tool not in TOOLS:
        return None
    pattern = f"lib/python3*/site-packages/{found.tool}-*.dist-info"
    there = [path.name.removesuffix(".dist-info") for path in found.prefix.glob(pattern)]
    wanted = f"{found.tool}-{found.version}"
    if there != [wanted]:
        return f"{found.prefix} holds {some(there) or 'nothing'}, the tested version is {wanted}"
    return None


def _install(tool: str) -> str:
    if tool not in TOOLS:
        return f"install {tool} on the PATH of the workers"
    return "`devsecops-eda scanners install` on each host with workers"


def data_findings(
    settings: Settings, checks: Mapping[str, Check], *, required: Collection[str], now: datetime
) -> Iterator[Finding]:
    """Yield whether each scanner has its rules and its data, and how old these are."""
    for name, check in checks.items():
        if isinstance(check, Scanner):
            yield _data(check, settings.checks[name], needed=name in required, now=now)


def _data(scanner: Scanner, given: CheckSettings, *, needed: bool, now: datetime) -> Finding:
    name = scanner.name
    try:
        inputs = scanner.inputs(given, now=now)
    except UnavailableError as error:
        return not_checked("data", f"{name}: {error}")
    except (CheckError, ConfigurationError) as error:
        import_ = "`devsecops-eda data import` a current export, and name the folder it makes as"
        lacking = isinstance(error, CheckError) and error.reason in _OF_DATA
        mend = f"{import_} database of" if lacking else "mend what stands in"
        mend = f"{mend} [checks.{name}]; until then it has no verdict"
        return (fail if needed else warn)("data", f"{name}: {error}", mend)
    if inputs.data is None:
        return ok("data", f"{name} needs none beside its rules")
    age_s = (now - inputs.data.date).total_seconds()
    text = f"the data of {name} is {age_s / 86400:.1f} days old, {given.max_age_s / 86400:g} are"
    if age_s > _OLD * given.max_age_s:
        return warn("data", f"{text} allowed", "`devsecops-eda data import` a newer export")
    return ok("data", f"{text} allowed")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
