"""The checks: one file each; entry points in the group `devsecops_eda.checks`."""
