"""The numbers a program shows: the table of them, where they are counted, and by whom.

``table`` is every metric with the closed sets of its labels; ``Meters`` counts them in one
process; a ``Recorder`` is what the rest of the program counts with.
"""

from devsecops_eda.metrics.meters import Meters, Reading
from devsecops_eda.metrics.reporting import Direct, Gathering, Nothing, Recorder, timed
from devsecops_eda.metrics.table import METRICS, Kind, Label, Metric, Need, Program, Stage

__all__ = [
    "METRICS",
    "Direct",
    "Gathering",
    "Kind",
    "Label",
    "Meters",
    "Metric",
    "Need",
    "Nothing",
    "Program",
    "Reading",
    "Recorder",
    "Stage",
    "timed",
]
