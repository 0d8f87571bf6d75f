"""The check ``nap``, installed beside the program as any package's own check would be.

What it does stands in the names of the repository's files: ``20.nap`` sleeps for 20 s, ``700.mb``
fills so much memory, ``400.found`` has so many findings; anything else is looked at in no time.
"""

from collections.abc import Sequence
from datetime import datetime

from devsecops_eda.checks import (
    CheckSettings,
    Inputs,
    Plan,
    RawFinding,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.model import Severity

FILL = "held = bytearray(int({mb}) * 2**20); held[::4096] = b'x' * len(held[::4096])"


class Nap(Scanner):
    """Looks at every file."""

    name = "nap"
    tool = "env"

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        return Selection(tree.paths)

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        return Inputs(rules_digest="sha256:" + "0" * 64)

    def command(self, plan: Plan) -> Sequence[str]:
        for name in plan.names.values():
            number, _, kind = name.rpartition(".")
            if kind == "nap":
                return [str(plan.program), "sleep", number]
            if kind == "mb":
                return [str(plan.program), "/usr/bin/python3", "-c", FILL.format(mb=number)]
        return [str(plan.program), "true"]

    def parse(self, output: bytes, plan: Plan) -> Report:
        found = [
            RawFinding("rule", name, 1, Severity.LOW, f"{at} " + "x" * 500, code=str(at))
            for name in plan.names.values()
            if name.endswith(".found")
            for at in range(int(name.removesuffix(".found")))
        ]
        return Report("1.0", tuple(found), scanned=frozenset(plan.names.values()))
