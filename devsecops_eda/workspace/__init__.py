"""A repository at a revision, or a folder as it is: git, hardened, and trees of our own making."""

from devsecops_eda.workspace.checkout import Checkout
from devsecops_eda.workspace.folder import copy_folder
from devsecops_eda.workspace.git import git_version
from devsecops_eda.workspace.mirror import Mirror
from devsecops_eda.workspace.names import Reason, printable_path
from devsecops_eda.workspace.tree import Bounds, ScanTree

__all__ = [
    "Bounds",
    "Checkout",
    "Mirror",
    "Reason",
    "ScanTree",
    "copy_folder",
    "git_version",
    "printable_path",
]
