"""The programs on the broker: one Celery worker per queue, on raw events, in one hop.

Needs the extra ``worker``. ``scan_program.run_worker`` carries out one scan check,
``gate_program.run_gate`` is the gate.
"""
