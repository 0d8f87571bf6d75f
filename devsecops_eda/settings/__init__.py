"""What the operator decides: one TOML file, the environment and secret files, as values.

Pure: text becomes settings here, reading the file is the programs' part.
"""

from devsecops_eda.settings.values import (
    BrokerSettings,
    GateSettings,
    Repository,
    SandboxMode,
    Settings,
)

__all__ = ["BrokerSettings", "GateSettings", "Repository", "SandboxMode", "Settings"]
