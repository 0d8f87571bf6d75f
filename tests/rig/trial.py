"""A site with the real checks: its own copy of the rules, and fresh advisories."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from devsecops_eda.advisories import import_osv
from devsecops_eda.policy import default_policy_text
from tests.conftest import Vhost
from tests.rig.programs import Programs
from tests.rig.site import Site

ROOT = Path(__file__).parents[2]
CHECKS = ("commit", "semgrep", "safety")
BAD = "import pickle\n\n\ndef load(request):\n    return pickle.loads(request.data)\n"
GOOD = "import json\n\n\ndef load(request):\n    return json.loads(request.data)\n"


def real_site(vhost: Vhost, programs: Programs, folder: Path) -> Site:
    """Return a site under the built-in policy; the rules that hold are in ``folder/rules``."""
    rules = folder / "rules"
    shutil.copytree(ROOT / "devsecops_eda" / "rules", rules)
    database = folder / "advisories"
    import_osv(ROOT / "examples" / "advisories", database, date=datetime.now(UTC))
    tables = (
        f"[checks.semgrep]\nrules = [{json.dumps(str(rules))}]\n[checks.commit]\n"
        f"[checks.safety]\ndatabase = {json.dumps(str(database))}\n"
    )
    policy = default_policy_text()
    return Site(vhost, programs, folder, checks=CHECKS, policy=policy, checks_table=tables)
