"""Metrics at /metrics for Prometheus, which must send the token of STUDY_METRICS_TOKEN.

They count requests by the pattern of their route, never by an address, and contain no id.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from sqlalchemy import func, select

from study_server.clock import now
from study_server.errors import StudyError
from study_server.jobs.erasure import QUIET_FOR
from study_server.storage.models import Job, Participant
from study_server.vocabulary import JobState, Outcome

if TYPE_CHECKING:
    from prometheus_client import Metric

pages = Blueprint("metrics", __name__)
FOLDER_VARIABLE = (
    "PROMETHEUS_MULTIPROC_DIR"  # names the folder in which worker processes share counters
)
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ANSWER_ROUTE = "/trials/<trial_token>/response"


class Metrics:
    """The counters of a process. registry: what a scrape reads, of all worker processes."""

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess
        except ImportError as error:
            raise StudyError(
                "STUDY_METRICS_TOKEN is set, but prometheus-client is not installed; run "
                "`pip install 'hue-and-eye[metrics]'`"
            ) from error
        own = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("study_requests", "Requests.", labels, registry=own)
        self.seconds = Histogram(
            "study_request_seconds",
            "Time from a request to its reply.",
            ("route",),
            buckets=BUCKETS_S,
            registry=own,
        )
        self.answers = Counter("study_answers", "Answers that were confirmed.", registry=own)
        self.registry = own
        if FOLDER_VARIABLE in os.environ:
            self.registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]

    def count_request(self, response: Response) -> Response:
        """Count a request by its route and status."""
        route = str(request.url_rule or "none")
        self.requests.labels(request.method, route, str(response.status_code)).inc()
        self.seconds.labels(route).observe(perf_counter() - g.metrics_began)
        if route.endswith(ANSWER_ROUTE) and response.status_code == 200:
            self.answers.inc()
        return response


class DatabaseCollector:
    """Numbers that are read from the database at each scrape."""

    def collect(self) -> "Iterator[Metric]":
        """Yield the people under way, and the unfinished background jobs by state."""
        from prometheus_client.core import GaugeMetricFamily

        people = select(func.count()).where(
            Participant.outcome == Outcome.ACTIVE, Participant.last_seen_at > now() - QUIET_FOR
        )
        yield GaugeMetricFamily(
            "study_participants_under_way",
            "Participants seen within the last minute.",
            value=g.db.scalar(people),
        )
        jobs = GaugeMetricFamily("study_jobs", "Background jobs not yet done.", labels=["state"])
        states = select(Job.state, func.count()).group_by(Job.state)
        counts = {row[0]: row[1] for row in g.db.execute(states)}
        for state in (JobState.WAITING, JobState.RUNNING, JobState.FAILED):
            jobs.add_metric([state], counts.get(state, 0))
        yield jobs


def share_between_workers() -> None:
    """Let the worker processes that will be started share their counters."""
    if FOLDER_VARIABLE not in os.environ:
        os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="study-metrics-")


def init_app(app: Flask, token: str) -> None:
    """Count requests and serve /metrics, if there is a token. Raises StudyError."""
    if not token:
        return
    metrics = Metrics()
    app.extensions["metrics"] = metrics
    app.extensions["metrics_token"] = token
    app.before_request(_begin)
    app.after_request(metrics.count_request)
    app.register_blueprint(pages)


def _begin() -> None:
    g.metrics_began = perf_counter()


@pages.get("/metrics")
def show_metrics() -> Response:
    """Send all metrics as text to a client that sends the token."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    given = request.headers.get("Authorization", "")
    expected = f"Bearer {current_app.extensions['metrics_token']}"
    if not secrets.compare_digest(given.encode(), expected.encode()):
        abort(404)
    metrics: Metrics = current_app.extensions["metrics"]
    stored = CollectorRegistry()
    stored.register(DatabaseCollector())
    text = generate_latest(metrics.registry) + generate_latest(stored)
    return Response(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
