"""A scan tree out of a dictionary, and a plan for the recorded outputs of the scanners."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devsecops_eda.checks import CheckSettings, Inputs, Plan, Selection

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class FakeTree:
    """Files by repository path."""

    files: Mapping[str, bytes]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def read(self, path: str) -> bytes:
        return self.files[path]

    def size(self, path: str) -> int:
        return len(self.files[path])


def tree(files: Mapping[str, str | bytes]) -> FakeTree:
    """Return a tree of these files; text is UTF-8."""
    return FakeTree({path: c.encode() if isinstance(c, str) else c for path, c in files.items()})


def plan(tmp: Path, selection: Selection, inputs: Inputs, settings: CheckSettings) -> Plan:
    """Return a plan whose tree is /scan/tree, as in the recorded outputs."""
    for name, files in (("generated", selection.generated), ("inputs", inputs.files)):
        (tmp / name).mkdir(exist_ok=True)
        for file, content in files.items():
            (tmp / name / file).write_bytes(content)
    return Plan(
        program=Path("/opt/scanner/bin/scanner"),
        tree=Path("/scan/tree"),
        names={path: path for path in selection.eligible},
        generated=tmp / "generated",
        inputs=tmp / "inputs",
        folders={},
        empty=tmp / "empty",
        settings=settings,
    )


def recorded(name: str, plan: Plan) -> bytes:
    """Return the recorded output of a scanner, with the folders of ``plan`` in it."""
    text = (DATA / name).read_text(encoding="utf-8")
    text = text.replace("/scan/generated", str(plan.generated))
    return text.replace("/scan/inputs", str(plan.inputs)).encode()
