"""Which policy holds, and reading it."""

from __future__ import annotations

from pathlib import Path

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy import Policy, default_policy_text, load_policy
from devsecops_eda.settings import DEFAULT_CHECKS, Settings


def configured_policy(settings: Settings, file: Path | None = None) -> Policy:
    """Return the policy of ``file``, else of the settings, else the built-in one.

    Raises:
        InvalidPolicyError: it cannot be read, or something in it is wrong.
    """
    file = file or settings.gate.policy
    if file is None:
        missing = sorted(set(DEFAULT_CHECKS) - set(settings.checks))
        if missing:
            raise InvalidPolicyError(
                f"the built-in policy judges by {', '.join(missing)}, which the configuration "
                "turns off: name a policy of your own ([gate] policy, or --policy)"
            )
        return load_policy(
            default_policy_text(), file="the built-in policy", checks=settings.checks
        )
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: it is no UTF-8") from error
    return load_policy(text, file=str(file), checks=settings.checks)
