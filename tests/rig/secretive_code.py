"""Code in which secrets stand as people write them, and a rule that would repeat them."""

from urllib.parse import quote

from tests.rig.canaries import Canary

TELLING = """\
rules:
  - id: repeats-the-secret
    languages: [python]
    severity: HIGH
    message: the secret is $VALUE
    pattern: $NAME = "$VALUE"
    fix: $NAME = getenv("$VALUE")
    metadata: {title: A secret, category: security, confidence: HIGH, cwe: ["CWE-798: Secret"],
               help: It is a rule of a test., fix: Do not.}
"""


def program_with(canary: Canary) -> bytes:
    """Return a program with so many secrets that what is found goes to the evidence store."""
    secret = canary.secret.replace('"', "'")
    return "".join(f'PASSWORD_{n} = "{secret}"\n' for n in range(230)).encode()


def manifest_with(canary: Canary) -> bytes:
    """Return a requirement file with a secret in every line that has room for one."""
    url = f"https://u:{quote(canary.secret, safe='')}@index.example/simple"
    lines = [
        *(f"--index-url {url}", f"--extra-index-url {url}/${{NAME}}", f"-r {url}/r.txt"),
        *(f"-e git+{url}", f"{url}/x.zip", f"pkg @ {url}/p.zip", f"- {url}"),
        *("requests==2.19.0", f"API_TOKEN={canary.token}", f"'{canary.token}'"),
    ]
    return "".join(f"{line}\n" for line in lines).encode()
