"""What predicates mean: one expression and one answer each, about one finding.

Another implementation of CEL has to answer the same before it may take the place of this one.
"""

from devsecops_eda.model import Confidence, Finding, Package, Severity
from tests.judging import finding

CODE: Finding = finding(
    "code:0",
    Severity.HIGH,
    rule="python.sql-injection",
    path="src/données/sql.py",
    line=40,
    message="query built from input",
    title="SQL injection",
    confidence=Confidence.MEDIUM,
    cwe=("CWE-89", "CWE-943"),
)
"""About a line of code: no package, no fix."""

DEPENDENCY: Finding = finding(
    "dependency:0",
    Severity.UNKNOWN,
    rule="GHSA-aaaa-bbbb-cccc",
    path="requirements.txt",
    line=0,
    package=Package(
        name="jinja2",
        version="2.10",
        advisory="GHSA-aaaa-bbbb-cccc",
        aliases=("CVE-2019-10906",),
        fixed_versions=("2.10.1",),
    ),
)
"""About a dependency that nobody rated, with a version to go to."""

CASES: tuple[tuple[Finding, str, bool], ...] = (
    # Severities: the word is a text, the rank an int, unknown ranks highest.
    (CODE, 'f.severity == "high"', True),
    (CODE, "f.severity_rank == 4", True),
    (DEPENDENCY, 'f.severity == "unknown"', True),
    (DEPENDENCY, "f.severity_rank >= 5", True),
    (CODE, 'f.severity in ["high", "critical"]', True),
    (CODE, 'f.severity in ["low"]', False),
    (CODE, "f.severity_rank in [4, 5, 6]", True),
    # int and double are two types; a double only comes of a conversion.
    (CODE, "f.line == 40", True),
    (CODE, "f.line / 3 == 13", True),
    (CODE, "f.line % 3 == 1", True),
    (CODE, "-f.line < 0", True),
    (CODE, "double(f.line) / 16.0 == 2.5", True),
    (CODE, "int(2.9) == 2", True),
    (CODE, "0x28 == f.line", True),
    # What is absent is empty, 0 or false, and never an error.
    (CODE, 'f.package.name == "" && f.package.version == ""', True),
    (CODE, 'f.package.ecosystem == "" && f.package.advisory == ""', True),
    (CODE, "f.package.aliases == [] && f.package.fixed_versions.size() == 0", True),
    (CODE, "f.has_package", False),
    (DEPENDENCY, "f.has_package", True),
    (DEPENDENCY, "f.line == 0 && f.cwe.size() == 0", True),
    (CODE, 'environment == ""', True),
    # Packages.
    (DEPENDENCY, 'f.package.name == "jinja2" && f.package.version == "2.10"', True),
    (DEPENDENCY, 'f.package.ecosystem == "PyPI"', True),
    (DEPENDENCY, '"CVE-2019-10906" in f.package.aliases', True),
    (DEPENDENCY, 'f.package.aliases.exists(a, a.startsWith("CVE-"))', True),
    (DEPENDENCY, "f.fix_available", True),
    (CODE, "f.fix_available", False),
    # Lists, and what goes through them; over an empty one `all` is true, `exists` false.
    (CODE, '"CWE-89" in f.cwe', True),
    (CODE, '"CWE-8" in f.cwe', False),
    (CODE, 'f.cwe.all(c, c.startsWith("CWE-"))', True),
    (DEPENDENCY, "f.cwe.all(c, false)", True),
    (DEPENDENCY, "f.cwe.exists(c, true)", False),
    (CODE, 'f.cwe.exists_one(c, c == "CWE-89")', True),
    (CODE, 'f.cwe.filter(c, c.endsWith("3")) == ["CWE-943"]', True),
    (CODE, "f.cwe.map(c, c.size()) == [6, 7]", True),
    (CODE, 'f.cwe[0] == "CWE-89"', True),
    (CODE, 'size(f.cwe) == 2 && f.cwe.exists(c, c == "CWE-89")', True),
    (CODE, "f.cwe.exists(f, f == 'CWE-89')", True),
    # Texts: by characters, not bytes; RE2 finds anywhere unless it is told where.
    (CODE, 'f.path.startsWith("src/") && f.path.endsWith(".py")', True),
    (CODE, 'f.path.contains("données")', True),
    (CODE, "f.path.size() == 18", True),
    (CODE, 'f.path.matches("sql")', True),
    (CODE, 'f.path.matches("^sql")', False),
    (CODE, 'f.path.matches(r"^src/.*\\.py$")', True),
    (CODE, "f.rule.matches('(?i)SQL')", True),
    (CODE, 'f.title == "SQL injection" && f.message.contains("input")', True),
    (CODE, 'f.rule + "!" == "python.sql-injection!"', True),
    (CODE, 'f.title < f.rule && "a" < "b"', True),
    (CODE, 'f.confidence == "medium" && f.check == "semgrep"', True),
    (CODE, 'string(f.line) == "40"', True),
    # Logic: what one side settles, the other side cannot spoil.
    (CODE, "true || 1 / 0 == 1", True),
    (CODE, "1 / 0 == 1 || true", True),
    (CODE, "false && f.cwe[9] == ''", False),
    (CODE, "f.cwe[9] == '' && false", False),
    (CODE, "!f.has_package ? f.line == 40 : false", True),
    # Around the finding.
    (CODE, 'subject.kind == "commit" && subject.repo == "acme/app"', True),
    (CODE, 'subject.revision.startsWith("aaaa")', True),
    (CODE, 'target == "main" && protected', True),
    # How it may be written.
    (CODE, "f . line == 40 // the line", True),
    (CODE, "f.line\n  == 40", True),
    (CODE, ".f.line == 40", True),
    (CODE, "'''a\n''' == 'a\\n'", True),
)

FAILING: tuple[tuple[str, str], ...] = (
    ("f.line / (f.line - 40) == 1", "divide by zero"),
    ("f.cwe[2] == 'CWE-89'", "index=2"),
    ("9223372036854775807 + f.line > 0", "overflow"),
    ("int(f.title) == 1", "cannot convert"),
    ("f.path.matches(f.title + '[')", "regular expression"),
    ("{'a': 1}['b'] == f.line", "Key not found"),
)
"""Fail on the finding CODE, and part of the reason: no answer is no match and no other either."""

REFUSED: tuple[tuple[str, int, str], ...] = (
    # Names.
    ('f.severty == "high"', 2, "there is no name 'f.severty'; did you mean f.severity?"),
    ("'é' == f.titel", 9, "did you mean f.title?"),
    ("true &&\n  f.pth == ''", 12, "did you mean f.path?"),
    ("protectd", 0, "did you mean protected?"),
    ("f.package.nme == ''", 10, "did you mean f.package.name?"),
    ("f", 0, "name one of its fields"),
    ("f.package == ''", 2, "f.has_package"),
    ("f['severity'] == 'high'", 0, "name one of its fields"),
    ("findings.size() > 0", 0, "there is no name 'findings'"),
    ("f.severity.word == ''", 10, "has no fields"),
    # What others say.
    ("f.is_new", 2, "new_only"),
    ("now > 1", 0, "leeway"),
    ("f.published == ''", 2, "leeway"),
    ("timestamp('2026-01-01T00:00:00Z') == 1", 0, "leeway"),
    ("duration('1s') == 1", 0, "leeway"),
    ("has(f.package)", 0, "f.has_package"),
    ("has(f.has_package)", 0, "f.has_package"),
    ("dyn(f.line) == 'x'", 0, "wrong type"),
    ("google.protobuf.Int32Value{value: 1} == 1", 0, "protocol buffers"),
    # Functions.
    ("f.path.startWith('a')", 7, "did you mean startsWith?"),
    ("f.path.split('/').size() > 1", 7, "there is no function 'split'"),
    ("f.path.size(1) == 1", 7, "not called like this"),
    # Types.
    ("f.severity > 3", 11, "> does not go with (string, int)"),
    ("f.severity_rank == 4.0", 16, "== does not go with (int, double)"),
    ("f.line == '40'", 7, "(int, string)"),
    ("f.line == null", 7, "(int, null_type)"),
    ("!f.severity", 0, "! does not go with (string)"),
    ("f.path in 'x'", 7, "in does not go with (string, string)"),
    ("f.cwe.exists(c, c == 1)", 18, "(string, int)"),
    ("f.path.exists(c, true)", 1, "no list to go through"),
    ("f.line ? true : false", 7, "(int, bool, bool)"),
    ("f.severity", 0, "not to true or false"),
    ("f.cwe.map(c, c)", 0, "a list of strings, not to true or false"),
    ("[1, 'a'][0]", 0, "not to true or false"),
    # Grammar.
    ("", 0, "nothing in it"),
    ("  // nothing", 0, "nothing in it"),
    ("f.severity ==", 13, "the end is not expected here"),
    ("f.severity = 'high'", 11, "== to compare"),
    ("f.line == 1 and protected", 12, "&&"),
    ("not protected", 0, "!"),
    ("True", 0, "small letters"),
    ("f.severity == 'high", 14, "never closed"),
    ("f.`severity` == 'high'", 2, "without quotes"),
    ("protected; true", 9, "one expression"),
    ("protected\0", 9, "U+0000"),
    ("protected\u202e", 9, "U+202E"),
    ("f.line == 99999999999999999999", 10, "invalid int literal"),
    (r"f.path == '\q'", 10, "no CEL"),
    ("f.path.matches('[')", 15, "RE2 takes no such regular expression: missing ]"),
    ("f.path.matches('a{1001}')", 15, "invalid repetition size"),
    (r"f.path.matches(r'(.)\1')", 15, "invalid escape sequence"),
    # Bounds.
    ("true" + " " * 2045, 2048, "at most 2048 characters"),
    ("f.path == '" + "x" * 511 + "'", 10, "at most 512 characters"),
    ("(" * 25 + "true" + ")" * 25, 24, "more than 24 brackets"),
    ("1+" * 60 + "1 == 61", 0, "nested too deeply"),
    ("f.cwe.exists(c, f.cwe.exists(d, d == c))", 22, "inside another"),
    ("f.cwe.all(c, [c].map(d, d) == [c])", 17, "inside another"),
)
"""Refused before any finding comes: the offset it is about, and part of the reason."""
