"""Which checks are installed."""

from __future__ import annotations

from importlib.metadata import entry_points

from devsecops_eda.checks import Check
from devsecops_eda.errors import ConfigurationError, InvalidSettingsError


def load_checks() -> dict[str, Check]:
    """Return every installed check by name (entry points ``devsecops_eda.checks``).

    Raises:
        ConfigurationError: an entry point cannot be loaded, or is no check.
    """
    found: dict[str, Check] = {}
    for entry in entry_points(group="devsecops_eda.checks"):
        try:
            check = entry.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise ConfigurationError(
                f"the check {entry.name!r} cannot be loaded: {error}"
            ) from error
        if not isinstance(check, Check) or check.name != entry.name:
            raise ConfigurationError(f"the entry point {entry.name!r} names no check of that name")
        found[check.name] = check
    return found


def the_check(name: str) -> Check:
    """Return one installed check.

    Raises:
        InvalidSettingsError: there is none of that name.
    """
    checks = load_checks()
    if name not in checks:
        raise InvalidSettingsError(f"there is no check {name!r}; there are: {', '.join(checks)}")
    return checks[name]
