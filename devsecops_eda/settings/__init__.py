"""What the operator decides: one TOML file, the environment and secret files, as values.

Pure: text becomes settings here, reading the file is the programs' part.
"""

from devsecops_eda.redaction import masked
from devsecops_eda.settings.keys import KEYS, Key
from devsecops_eda.settings.listening import Listen
from devsecops_eda.settings.parse import Loaded, parse_settings
from devsecops_eda.settings.sources import CONFIG_VARIABLE, Surroundings
from devsecops_eda.settings.values import (
    DEFAULT_CHECKS,
    BrokerSettings,
    GateSettings,
    LogFormat,
    Repository,
    SandboxMode,
    Settings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_CHECKS",
    "KEYS",
    "BrokerSettings",
    "GateSettings",
    "Key",
    "Listen",
    "Loaded",
    "LogFormat",
    "Repository",
    "SandboxMode",
    "Settings",
    "Surroundings",
    "masked",
    "parse_settings",
]
