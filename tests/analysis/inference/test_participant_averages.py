"""The rate with every participant weighted equally, and its difference from the pooled rate."""

import numpy as np
import pytest

from analysis.inference.participant_averages import ParticipantAverage, estimate_participant_average
from analysis.inference.rates import estimate_rate
from analysis.trials import Trials
from benchmarks.dropout import PEOPLE, RATE, answer_all, leave_if_fooled, measure_coverage
from tests.analysis.studies import make_trials, read_crossed, simulate_dropout


def test_it_is_the_mean_of_the_participants_own_rates() -> None:
    trials = simulate_dropout(np.random.default_rng(0), RATE, PEOPLE, leave_if_fooled)
    own = [trials.fooled[trials.participant == person].mean() for person in range(PEOPLE)]
    found = estimate_participant_average(trials)
    assert found.rate == pytest.approx(np.mean(own))
    assert found.difference == pytest.approx(trials.fooled.mean() - np.mean(own))


def test_with_equal_numbers_of_trials_it_is_the_pooled_rate_and_interval() -> None:
    crossed = read_crossed()
    mcl = crossed.select(crossed.method == "mcl")
    pooled, averaged = estimate_rate(mcl), estimate_participant_average(mcl)
    assert (averaged.rate, averaged.se, averaged.df) == pytest.approx(
        (pooled.rate, pooled.se, pooled.df)
    )
    assert averaged.ci95 == pytest.approx(pooled.ci95)
    assert averaged.difference == pytest.approx(0)
    assert averaged.p is None


def test_its_error_agrees_with_loops_over_people_and_images() -> None:
    trials = simulate_dropout(np.random.default_rng(1), RATE, PEOPLE, leave_if_fooled)
    found = estimate_participant_average(trials)
    assert found.rate is not None
    by_person: dict[int, list[tuple[int, bool]]] = {}
    for person, image, fooled in zip(
        trials.participant.tolist(), trials.image.tolist(), trials.fooled.tolist(), strict=True
    ):
        by_person.setdefault(person, []).append((image, fooled))
    people, images, cells = [], dict.fromkeys(trials.image.tolist(), 0.0), []
    for answers in by_person.values():
        parts = [(fooled - found.rate) / len(answers) / PEOPLE for _, fooled in answers]
        people.append(sum(parts))
        cells += parts
        for (image, _), part in zip(answers, parts, strict=True):
            images[image] += part
    variance = sum(
        sign * len(sums) / (len(sums) - 1) * sum(one**2 for one in sums)
        for sign, sums in ((1, people), (1, [*images.values()]), (-1, cells))
    )
    assert found.se == pytest.approx(variance**0.5)


@pytest.mark.slow(0.4)
def test_it_covers_where_people_who_are_fooled_leave_early_and_warns() -> None:
    """3,000 studies in the benchmarks."""
    found = measure_coverage(leave_if_fooled, studies=300, seed=1)
    assert 0.92 <= found["averaged cover"] <= 0.98
    assert found["pooled cover"] < 0.7
    assert found["warning"] > 0.9
    assert measure_coverage(answer_all, studies=30)["warning"] == 0


NEVER = make_trials(*((person, image, "m", False) for person in range(3) for image in range(3)))
ALONE = make_trials(*((0, image, "m", image < 2) for image in range(5)))
NOBODY = Trials(*(np.array([], dtype=kind) for kind in (bool, int, int, str)))


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (NEVER, ParticipantAverage(0.0, difference=0.0)),
        (ALONE, ParticipantAverage(0.4, difference=0.0)),
        (NOBODY, ParticipantAverage()),
    ],
)
def test_without_variation_or_with_one_person_there_is_no_interval(
    trials: Trials, expected: ParticipantAverage
) -> None:
    assert estimate_participant_average(trials) == expected
