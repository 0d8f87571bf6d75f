"""All of it in one process: the same events, door, checks, sandbox and gate, without a broker.

It is not RabbitMQ: no acknowledgements, no redelivery, no permissions. What it shares with the
real thing is the topology table, topic matching, the codec and every line of judgement.
"""

from devsecops_eda.embedded.scan import ScanResult, scan

__all__ = ["ScanResult", "scan"]
