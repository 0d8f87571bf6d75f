"""Advisories: OSV files in, a database folder for the check ``safety`` out."""

from devsecops_eda.advisories.database import INDEX_FILE, Database, read_database, read_index
from devsecops_eda.advisories.importing import ImportReport, import_osv
from devsecops_eda.advisories.osv import Advisory

__all__ = [
    "INDEX_FILE",
    "Advisory",
    "Database",
    "ImportReport",
    "import_osv",
    "read_database",
    "read_index",
]
