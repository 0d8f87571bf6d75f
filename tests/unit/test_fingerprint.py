"""Fingerprints hold on to a finding while the code around it moves."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.checks import RawFinding
from devsecops_eda.fingerprint import fingerprinted
from devsecops_eda.model import Finding, Severity

CODE = """import os

def first(x):
    eval(x)

class Box:
    @property
    def second(self):
        eval(self.x)
        eval(self.x)
        return eval(
            self.y
        )

eval(1)
"""
LINES = (4, 9, 10, 15)


def raw(line: int, *, path: str = "app.py", rule: str = "py-eval", end: int = 0) -> RawFinding:
    return RawFinding(
        rule=rule, path=path, line=line, severity=Severity.HIGH, message="m", end_line=end or line
    )


def marked(
    code: str | None, *lines: int, path: str = "app.py", rule: str = "py-eval"
) -> tuple[Finding, ...]:
    return fingerprinted(
        [raw(line, path=path, rule=rule) for line in lines],
        source=lambda _: None if code is None else code.encode(),
        to_path=lambda name: name,
    )


def prints(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.fingerprint for finding in findings]


def test_every_finding_has_a_name_of_its_own_and_twins_are_numbered() -> None:
    names = prints(marked(CODE, *LINES))

    assert len(set(names)) == 4
    digests = [name.split(":") for name in names]
    assert [number for _, number in digests] == ["0", "0", "1", "0"]
    assert digests[1][0] == digests[2][0]
    assert all(len(digest) == 32 for digest, _ in digests)


def test_the_algorithm_is_pinned() -> None:
    (finding,) = marked("eval(x)\n", 1)

    # SHA-256 of v1, rule, path, scope and code divided by NUL, 16 bytes of it, and the index.
    assert finding.fingerprint == "79ccda216839de41b7c1897ce89efd69:0"


def test_order_of_the_report_does_not_matter() -> None:
    assert marked(CODE, *LINES) == marked(CODE, *reversed(LINES))


def test_message_severity_and_lines_are_not_in_it() -> None:
    one = raw(4)
    other = replace(one, message="other", severity=Severity.LOW, title="t", column=7)

    findings = [
        fingerprinted([item], source=lambda _: CODE.encode(), to_path=lambda name: name)
        for item in (one, other)
    ]

    assert prints(findings[0]) == prints(findings[1])


def test_a_renamed_file_keeps_the_twin_without_path() -> None:
    old, new = marked(CODE, *LINES), marked(CODE, *LINES, path="pkg/renamed.py")

    assert not set(prints(old)) & set(prints(new))
    assert [f.fingerprint_nopath for f in old] == [f.fingerprint_nopath for f in new]


def test_another_scope_is_another_finding() -> None:
    moved = CODE.replace("def first", "def other")

    assert prints(marked(CODE, 4)) != prints(marked(moved, 4))
    assert prints(marked(CODE, 9)) == prints(marked(moved, 9))


def test_only_whitespace_in_the_code_does_not_matter() -> None:
    assert prints(marked(CODE, 4)) == prints(
        marked(CODE.replace("    eval(x)", "    eval( x )"), 4)
    )
    assert prints(marked(CODE, 4)) != prints(marked(CODE.replace("eval(x)", "eval(y)"), 4))


def test_a_syntax_error_elsewhere_costs_no_scope() -> None:
    broken = CODE + "\ndef last(:\n"

    assert prints(marked(broken, *LINES)) == prints(marked(CODE, *LINES))


def test_names_in_two_unicode_forms_are_one_file() -> None:
    assert prints(marked(CODE, 4, path="caf\u00e9.py")) == prints(
        marked(CODE, 4, path="cafe\u0301.py")
    )


def test_what_is_longer_than_five_lines_is_cut() -> None:
    text = "f(\n" + "".join(f"  {n},\n" for n in range(20)) + ")\n"
    changed = text.replace("  15,", "  99,")

    def name(code: str) -> list[str]:
        return prints(
            fingerprinted(
                [raw(1, path="a.js", end=22)],
                source=lambda _: code.encode(),
                to_path=lambda path: path,
            )
        )

    assert name(text) == name(changed)
    assert name(text) != name(text.replace("  3,", "  99,"))


def test_a_secret_is_in_no_fingerprint() -> None:
    def names(value: str, rule: str, line: str) -> list[str]:
        return prints(marked(line.replace("VALUE", value), 1, rule=rule, path="a.conf"))

    for line in (
        'password = "VALUE"',
        "ENV PASSWORD VALUE",
        "login(VALUE)",
        "https://user:VALUE@example.org",
        "curl -p VALUE",
        'token: str = "VALUE"',
    ):
        assert names("hunter2", "py-secret", line) == names("letmein", "py-secret", line), line
        assert names("hunter2", "py-eval", line) != names("letmein", "py-eval", line)


def test_two_secrets_of_different_names_are_two_findings() -> None:
    one, other = marked('a = "x"\nb = "x"\n', 1, 2, rule="hardcoded-secret")

    assert one.fingerprint.split(":")[0] != other.fingerprint.split(":")[0]


def test_a_file_that_cannot_be_read_still_gives_fingerprints() -> None:
    assert len(set(prints(marked(None, 1, 2)))) == 2
    assert prints(marked("x = 1\n", 99))


def test_hostile_source_ends_in_a_fingerprint() -> None:
    for code in (
        "\0eval(x)",
        "(" * 5000 + ")" * 5000,
        "x = " + "-" * 20000 + "1",
        "def f():\n" * 3000,
        "\ufeffeval(x)",
        "if 1:\n\tif 2:\n        eval(x)\n",
    ):
        assert prints(marked(code, 1))


def test_a_dependency_is_named_by_advisory_and_package_alone() -> None:
    def named(line: int) -> list[str]:
        item = replace(raw(line, path="requirements.txt"), code="PYSEC-1 django", generated=True)
        return prints(
            fingerprinted([item], source=lambda _: b"django==1\n", to_path=lambda path: "never")
        )

    assert named(1) == named(7)


FILLER = st.lists(
    st.sampled_from(["", "# comment", "   ", "        # deep", "#def x():"]), max_size=6
)


@given(st.sampled_from(["", "\ndef broken(:\n"]), FILLER, FILLER, FILLER)
def test_blank_and_comment_lines_above_never_change_a_fingerprint(
    tail: str, top: list[str], middle: list[str], inside: list[str]
) -> None:
    lines = (CODE + tail).split("\n")
    moved = [*top, *lines[:2], *middle, *lines[2:8], *inside, *lines[8:]]
    shift = [len(top) + len(middle), *[len(top) + len(middle) + len(inside)] * 3]
    places = [line + by for line, by in zip(LINES, shift, strict=True)]

    assert prints(marked("\n".join(moved), *places)) == prints(marked(CODE + tail, *LINES))
