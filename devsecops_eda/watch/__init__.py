"""What a program shows of itself over HTTP: its numbers, that it lives, and that it is ready."""

from devsecops_eda.watch.endpoint import Endpoint
from devsecops_eda.watch.freshness import Freshness
from devsecops_eda.watch.readiness import Answer, Readiness

__all__ = ["Answer", "Endpoint", "Freshness", "Readiness"]
