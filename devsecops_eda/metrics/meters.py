"""The numbers of one program: counted in one place, read by whoever scrapes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from devsecops_eda.errors import DevSecOpsError
from devsecops_eda.metrics.table import METRICS, OTHER, QUEUE, Kind, Label, Metric, Program

LOG = logging.getLogger(__name__)
_ACTION = {"action": "metrics"}

Reading = Mapping[tuple[str, ...], float]
"""What a gauge shows: a value for each combination of words, in the order of its labels."""

MAX_ZEROS = 64
"""So many series at most of one counter stand there with 0 before anything happened."""


class Meters:
    """All metrics of one program in one process. Thread-safe.

    Gauges are not kept: each is asked for what it shows whenever somebody scrapes, so that none
    can be left over from a process that is gone.
    """

    def __init__(self, program: Program, *, queue: str, words: Mapping[str, Iterable[str]]) -> None:
        """Take which program this is, its queue, and the words that close its labels.

        ``words`` has, by the name of the label, those that the table leaves to the configuration.
        """
        # Else each counter and histogram brings a second series that says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=True)
        self._queue = queue
        self._words = {name: frozenset(said) for name, said in words.items()}
        self._made: dict[Metric, Counter | Histogram] = {}
        self._last: dict[tuple[str, tuple[str, ...]], float] = {}
        self._gauges = _Gauges(queue, self._closed)
        for metric in METRICS:
            if program in metric.programs and metric.kind is not Kind.GAUGE:
                self._made[metric] = self._make(metric)
        self._registry.register(self._gauges)

    def count(self, metric: Metric, *words: str, by: float = 1.0) -> None:
        """Add ``by`` to a counter of this program; a word it does not know counts as ``other``.

        Raises:
            ValueError: ``by`` is negative or no number, or the number of words is wrong.
            KeyError: this program does not export the metric.
        """
        made = self._made[metric]
        if not isinstance(made, Counter) or not math.isfinite(by):
            raise ValueError(f"{metric.name} cannot be counted up by {by}")
        closed = self._closed(metric, words)
        made.labels(self._queue, *closed).inc(by)
        self._last[metric.name, closed] = time.monotonic()

    def observe(self, metric: Metric, value: float, *words: str) -> None:
        """Add one duration in seconds to a histogram of this program.

        Raises:
            ValueError: it is no number, or the number of words is wrong.
            KeyError: this program does not export the metric.
        """
        made = self._made[metric]
        if not isinstance(made, Histogram) or not math.isfinite(value):
            raise ValueError(f"{metric.name} cannot observe {value}")
        closed = self._closed(metric, words)
        made.labels(self._queue, *closed).observe(max(0.0, value))

    def zero(self, metric: Metric, *words: str) -> None:
        """Let a histogram stand at 0: what is not there cannot be seen to rise by one.

        Raises:
            ValueError: the number of words is wrong.
            KeyError: this program does not export the metric.
        """
        self._made[metric].labels(self._queue, *self._closed(metric, words))

    def show(self, metric: Metric, read: Callable[[], Reading]) -> None:
        """Let a gauge show what ``read`` returns whenever somebody scrapes.

        It shows nothing while ``read`` raises an error of ours.
        """
        self._gauges.readers[metric] = read

    def last(self, metric: Metric, *words: str) -> float | None:
        """Return when a counter last rose (monotonic clock), None where it never did."""
        return self._last.get((metric.name, self._closed(metric, words)))

    def scraped(self) -> bytes:
        """Return all series in the text format of Prometheus (0.0.4)."""
        return generate_latest(self._registry)

    def _make(self, metric: Metric) -> Counter | Histogram:
        names = (QUEUE.name, *metric.label_names)
        if metric.kind is Kind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, names, registry=self._registry, buckets=metric.buckets
            )
        made = Counter(metric.name, metric.help, names, registry=self._registry)
        sets = [sorted(self._known(label)) for label in metric.labels]
        if math.prod(map(len, sets)) <= MAX_ZEROS:
            # What stands at 0 can be seen to rise by one; what is not there cannot.
            for words in product(*sets):
                made.labels(self._queue, *words)
        return made

    def _known(self, label: Label) -> frozenset[str]:
        return frozenset(label.words) or self._words.get(label.name, frozenset())

    def _closed(self, metric: Metric, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            str(word) if word in self._known(label) else OTHER
            for label, word in zip(metric.labels, words, strict=True)
        )


class _Gauges(Collector):
    """Asks every gauge for what it shows, at each scrape."""

    def __init__(
        self, queue: str, closed: Callable[[Metric, Sequence[str]], tuple[str, ...]]
    ) -> None:
        self.readers: dict[Metric, Callable[[], Reading]] = {}
        self._queue = queue
        self._closed = closed

    def describe(self) -> Iterable[GaugeMetricFamily]:
        # Names are unique by the table; nothing has to be asked to know that.
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric, read in tuple(self.readers.items()):
            names = (QUEUE.name, *metric.label_names)
            family = GaugeMetricFamily(metric.name, metric.help, labels=names)
            shown: dict[tuple[str, ...], float] = {}
            try:
                reading = read()
            except DevSecOpsError as error:
                # One that cannot be read must not hide all the others.
                LOG.warning("%s cannot be read: %s", metric.name, error, extra=_ACTION)
                continue
            for words, value in reading.items():
                closed = self._closed(metric, words)
                # Several that nobody knows are one series; the worst of them is what matters.
                shown[closed] = max(value, shown.get(closed, value))
            for closed, value in shown.items():
                family.add_metric((self._queue, *closed), value)
            yield family
