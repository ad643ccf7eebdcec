"""Planning: the power of simulated studies of the size that was planned for 80% power.

Studies of preferences (Bradley-Terry strengths) and ratings (mean opinion scores) are analyzed as
in the report. The level planned for each pair of methods is 5% divided by the number of pairs. The
standard error of the difference by the formula is compared with its standard deviation over
studies. The planned power is compared with that of a test of this pair alone at 5%, and with that
after Holm's correction for all pairs.
"""

import numpy as np

from analysis.inference.contrasts import adjust_holm
from analysis.inference.estimates import compare_estimates
from analysis.planning.formulas import ALPHA
from analysis.planning.judged_scenarios import (
    JudgedScenario,
    JudgedSds,
    PreferenceScenario,
    RatingScenario,
)
from analysis.planning.scenario_power import find_participants_needed
from analysis.planning.simulated_judgments import simulate_estimates

STUDIES = 200
TARGET = 0.8


def preferences(
    methods: int, images: int, trials: int, win_rate: float, **sds: float
) -> PreferenceScenario:
    effects = JudgedSds(**{"participant": 0.46, "image": 0.5} | sds)
    return PreferenceScenario(
        win_rate=win_rate, sds=effects, trials=trials, images=images, methods=methods
    )


def ratings(
    methods: int, images: int, trials: int, difference: float, **sds: float
) -> RatingScenario:
    effects = JudgedSds(**{"participant": 0.25, "image": 0.35, "residual": 0.95} | sds)
    return RatingScenario(
        difference=difference, sds=effects, trials=trials, images=images, methods=methods
    )


SCENARIOS: dict[str, JudgedScenario] = {
    "60% of 4 methods, 60 images x 30 trials": preferences(4, 60, 30, 0.6),
    "60% of 4, 200 x 40": preferences(4, 200, 40, 0.6),
    "60% of 4, 100 x 20, SDs of .3": preferences(4, 100, 20, 0.6, participant=0.3, image=0.3),
    "64.6% of 5, 40 x 20": preferences(5, 40, 20, 0.646),
    "0.4 points of 2 methods, 40 x 20": ratings(2, 40, 20, 0.4),
    "0.3 points of 3, 60 x 30": ratings(3, 60, 30, 0.3),
    "0.2 points of 4, 200 x 40": ratings(4, 200, 40, 0.2),
    "0.3 points of 5, 100 x 25": ratings(5, 100, 25, 0.3),
    "0.4 of 4, 60 x 24, SDs of .4 and .5": ratings(4, 60, 24, 0.4, participant=0.4, image=0.5),
}


def measure_power(
    scenario: JudgedScenario, participants: int, studies: int
) -> tuple[float, float, float]:
    """Return the SD of the difference over studies, and the power without and with Holm."""
    differences, single, corrected = [], 0, 0
    for child in np.random.SeedSequence(0).spawn(studies):
        estimates = simulate_estimates(scenario, participants, np.random.default_rng(child))
        if estimates is None:
            continue
        compared = compare_estimates(estimates)  # the first pair is m0 and m1
        differences.append(compared[0].difference)
        p, p_holm = compared[0].p, adjust_holm([one.p for one in compared])[0]
        single += p is not None and p < ALPHA
        corrected += p_holm is not None and p_holm < ALPHA
    return float(np.std(differences, ddof=1)), single / studies, corrected / studies


def main(studies: int = STUDIES) -> None:
    print(
        f"\n{studies} studies per design, planned for {TARGET:.0%} power; "
        "power without and with Holm's correction\n"
    )
    columns = ("participants", "SE, formula", "SD, simulated", "one test", "after Holm")
    print(f"{'design':<42}" + "".join(f"{name:>15}" for name in columns))
    for label, scenario in SCENARIOS.items():
        participants = find_participants_needed(scenario, TARGET)
        assert participants is not None
        sd, single, corrected = measure_power(scenario, participants, studies)
        se = scenario.difference_se(participants)
        print(
            f"{label:<42}{participants:>15}{se:>15.3f}{sd:>15.3f}{single:>15.1%}{corrected:>15.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
