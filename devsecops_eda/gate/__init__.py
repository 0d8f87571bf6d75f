"""From outcomes to decisions: record, decide, remember what to say.

``Gate`` does everything within the ledger; who publishes what it returns, and waits for the
confirm, is the program around it (``worker`` on a broker, ``embedded`` in one process).
"""

from devsecops_eda.gate.core import Gate

__all__ = ["Gate"]
