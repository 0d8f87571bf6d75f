"""The part of a policy that matches what is judged."""

from __future__ import annotations

from devsecops_eda.policy.selecting import applied

__all__ = ["applied"]
