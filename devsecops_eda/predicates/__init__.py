"""Predicates of rules on findings, evaluated where nothing they do can harm."""

from devsecops_eda.predicates.evaluator import CelEvaluator, Evaluator
from devsecops_eda.predicates.matching import with_matches

__all__ = ["CelEvaluator", "Evaluator", "with_matches"]
