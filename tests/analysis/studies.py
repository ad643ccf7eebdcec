"""Studies to test on: the reference set of 1,600 trials, and simulated ones."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.inference.intervals import Interval
from analysis.inference.sequential import average_rates, find_confidence_sequence
from analysis.planning import simulated_studies
from analysis.planning.formulas import EffectSds, marginal_intercept
from analysis.trials import Trials

REFERENCE = Path(__file__).parents[1] / "reference" / "stats"
METHODS = ("l2", "mcl", "zhang2016")


def read_expected(name: str) -> Any:
    """Return the values of stats/NAME_expected.json; tests/reference/README.md says whose."""
    return json.loads((REFERENCE / f"{name}_expected.json").read_text(encoding="utf-8"))


def read_crossed_rows() -> list[dict[str, str]]:
    """Return the reference study as rows of responses.csv."""
    with (REFERENCE / "crossed_responses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_crossed() -> Trials:
    """Return the reference study: 40 participants, 200 images, three methods."""
    rows = read_crossed_rows()
    return Trials(
        fooled=np.array([row["truth"] != row["answer"] for row in rows]),
        participant=np.array([int(row["participant"].removeprefix("p")) for row in rows]),
        image=np.array([int(row["image"].removeprefix("img")) for row in rows]),
        method=np.array([row["method"] for row in rows]),
    )


def make_trials(*answers: tuple[int, int, str, bool]) -> Trials:
    """Make trials from (participant, image, method, fooled)."""
    participant, image, method, fooled = zip(*answers, strict=True)
    return Trials(
        np.array(fooled, dtype=np.bool_),
        np.array(participant, dtype=np.int64),
        np.array(image, dtype=np.int64),
        np.array(method, dtype=np.str_),
    )


def simulate_study(
    rng: np.random.Generator,
    rates: tuple[float, ...],
    people: int = 60,
    images: int = 200,
    trials: int = 40,
    sd_participant: float = 0.5,
    sd_image: float = 0.8,
) -> Trials:
    """Simulate a study with typical effects, within participants by default."""
    effects = EffectSds(sd_participant, sd_image)
    return simulated_studies.simulate_study(rng, rates, people, images, trials, effects)


def simulate_few_people(rng: np.random.Generator, rate: float, few: int, many: int) -> Trials:
    """Simulate two equal methods between participants: few people see `m0`, many see `m1`.

    Each person sees 40 of 200 images.
    """
    study = simulate_study(rng, (rate,), people=few + many)
    method = np.where(study.participant < few, "m0", "m1")
    return Trials(study.fooled, study.participant, study.image, method)


def simulate_few_images(rng: np.random.Generator, rate: float, few: int, many: int) -> Trials:
    """Simulate two equal methods of which `m0` has few images, and `m1` many others.

    60 people see all images of `m0` and 40 - few of `m1`, with typical effects. People's effects
    on the two methods correlate (.8).
    """
    people, seen = 60, 40 - few
    effects = EffectSds(0.5, 0.8)
    base = marginal_intercept(rate, effects)
    of_people = simulated_studies.draw_effects(rng, people, 2, effects.participant, 0.8)
    of_images = rng.normal(0, effects.image, few + many)
    others = rng.permuted(np.tile(np.arange(few, few + many), (people, 1)), axis=1)[:, :seen]
    image = np.hstack([np.tile(np.arange(few), (people, 1)), others]).ravel()
    participant = np.repeat(np.arange(people), few + seen)
    is_many = (image >= few).astype(np.int64)
    logit = base + of_people[participant, is_many] + of_images[image]
    fooled = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return Trials(fooled, participant, image, np.array(["m0", "m1"])[is_many])


def simulate_dropout(
    rng: np.random.Generator,
    rate: float,
    people: int,
    count: Callable[[np.random.Generator, NDArray[np.float64]], NDArray[np.int64]],
) -> Trials:
    """Simulate one method whose people answer different numbers of trials, on 200 images.

    count: from the people's effects on the log odds (people,) to their numbers of trials.
    """
    effects, images = EffectSds(0.65, 0.8), 200
    of_people = rng.normal(0, effects.participant, people)
    of_images = rng.normal(0, effects.image, images)
    participant = np.repeat(np.arange(people), count(rng, of_people))
    orders = rng.permuted(np.tile(np.arange(images), (people, 1)), axis=1)
    first = np.searchsorted(participant, np.arange(people))
    image = orders[participant, np.arange(len(participant)) - first[participant]]
    logit = marginal_intercept(rate, effects) + of_people[participant] + of_images[image]
    fooled = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return Trials(fooled, participant, image, np.full(len(fooled), "m0"))


def estimate_monitored_rate(trials: Trials) -> tuple[float, Interval] | None:
    """Estimate the mean of the participants' rates of one method, with a 95% confidence sequence.

    Proportions in [0, 1]; 0.5 is chance. None as long as there is no valid interval.
    """
    sequence = find_confidence_sequence(average_rates(trials))
    return (sequence.value, sequence.share_interval()) if sequence else None
