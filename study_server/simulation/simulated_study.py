"""Run simulated participants through a study over HTTP, on the real server, without pauses."""

import secrets
from collections.abc import Callable, Iterable
from contextlib import closing
from urllib.parse import urlencode

from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.protocol.model import Protocol, parse_stored_protocol, task_of
from study_server.recruitment.invitations import create_invitation
from study_server.simulation.rehearsal_server import RehearsalServer
from study_server.simulation.simulated_browser import (
    SimulatedBrowser,
    answer_questions,
    answer_screening,
    answer_trials,
    give_consent,
)
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, QuestionPage


def simulate_participants(
    server: RehearsalServer,
    engine: Engine,
    slug: str,
    count: int,
    population: SimulatedPopulation,
    track: Callable[[Iterable[int], int], Iterable[int]] = lambda numbers, _total: numbers,
) -> int:
    """Let `count` simulated participants take part; return how many completed the study.

    track: shows the progress over the numbers of the participants, and yields them. What a trial
    shows is read from the database, never over HTTP. Raises StudyError if a method of the study has
    no rate.
    """
    with read_session(engine) as db:
        protocol = parse_stored_protocol(find_study(db, slug).protocol)
    _require_rates(protocol, population)
    complete = 0
    for number in track(range(count), count):
        person_seed = f"{population.seed}:{number}"
        # The random suffix enrolls new participants in every run, although the same seed makes them
        # answer alike.
        token = create_invitation(
            server.secret_key, slug, Mode.SIMULATED, f"{person_seed}:{secrets.token_hex(8)}"
        )
        with closing(SimulatedBrowser(server.address, server.transport)) as browser:
            base_url = give_consent(browser, f"/s/{slug}?{urlencode({'invitation': token})}")
            answer_screening(browser, base_url, engine)
            answer_questions(browser, base_url, protocol, QuestionPage.BEFORE, person_seed)
            complete += answer_trials(browser, base_url, engine, protocol, population, person_seed)
    return complete


def _require_rates(protocol: Protocol, population: SimulatedPopulation) -> None:
    has_truth = task_of(protocol).HAS_TRUTH
    known, option = (
        (population.rates, "rates") if has_truth else (population.strengths, "strengths")
    )
    for method in protocol.methods:
        if method not in known:
            raise StudyError(
                f"study {protocol.slug!r}: no value for method {method}; add one to --{option}, "
                f"such as {method}=0.3"
            )
