"""The scanners' own environments: made from hashed lists, found, and shown to a sandbox.

Each scanner has a folder of its own, so that neither its pins nor its parsing of hostile input
come near the worker and its credentials. ``<tool>.txt`` beside this file is the complete list of
what goes in; ``pip-compile --generate-hashes --allow-unsafe`` made it of ``<tool>.in``.
"""

from devsecops_eda.scanners.finding import (
    TOOLS,
    Installation,
    bind_paths,
    environment,
    installation,
    pinned_version,
    program,
)
from devsecops_eda.scanners.installing import install

__all__ = [
    "TOOLS",
    "Installation",
    "bind_paths",
    "environment",
    "install",
    "installation",
    "pinned_version",
    "program",
]
