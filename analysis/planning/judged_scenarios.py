"""Studies that compare two methods by preferences or ratings, and their standard errors.

Approximations in closed form, for new people and new images. The report's variances of simulated
studies are close to them (docs/benchmarks.md). Every participant judges all methods.
"""

from dataclasses import dataclass
from math import sqrt

from scipy import special

from analysis.planning.formulas import ALPHA, count_pairs

# The variance of a normal that is added to the log odds shrinks them by 1 / sqrt(1 + this times
# it), because (16 sqrt(3) / (15 pi))^2 is about 0.346 (Zeger, Liang & Albert 1988).
SHRINKAGE = 0.346
CHOICE_VARIANCE = 0.235  # p (1 - p) of a typical pair of methods


@dataclass(frozen=True)
class JudgedSds:
    """Standard deviations of the effects of one method, of which a difference has two.

    participant, image: how much one person's, or one image's, judgments of a method deviate from
    those of all; of strengths on the log odds, of ratings in points of the scale. residual: of
    ratings only, the rest of the variation of one person's ratings of one method, rounding
    included.
    """

    participant: float
    image: float
    residual: float = 0.0


PREFERENCE_SDS = JudgedSds(participant=0.46, image=0.5)
# On five grades: personal noise of 0.75, images that look better than others (0.5), and rounding.
RATING_SDS = JudgedSds(participant=0.25, image=0.35, residual=0.95)


@dataclass(frozen=True, kw_only=True)
class _JudgedStudy:
    """A study in which every participant judges all methods.

    sds: of the effects on judgments. trials: number of trials per participant, over all methods.
    images: number of images that the trials are drawn from.
    """

    sds: JudgedSds
    trials: int = 40
    images: int = 200
    methods: int = 2

    @property
    def margin(self) -> None:
        """None: reports on judgments have no test of equivalence."""
        return None

    @property
    def alpha(self) -> float:
        """The level of the test: a p value below it is below 0.05 after Holm's correction."""
        return ALPHA / count_pairs(self.methods)

    @property
    def group(self) -> int:
        """The number of participants by which the study grows."""
        return 1

    @property
    def fewest_trials(self) -> int:
        """The fewest trials per participant that show all methods."""
        return self.methods

    @property
    def fewest_images(self) -> int:
        """The fewest images, of which nobody sees one twice."""
        return max(self.trials, 2)

    def degrees_of_freedom(self, participants: float) -> float:
        """Return the fewest people or images, minus 1."""
        return min(participants, self.images) - 1


@dataclass(frozen=True, kw_only=True)
class PreferenceScenario(_JudgedStudy):
    """A study in which every trial shows two methods, and participants choose one.

    win_rate: the share of trials in which one of two methods is preferred to the other.
    """

    win_rate: float
    sds: JudgedSds = PREFERENCE_SDS

    @property
    def difference(self) -> float:
        """The difference between the two Bradley-Terry strengths, on the log odds."""
        return float(special.logit(self.win_rate))

    def difference_se(self, participants: float) -> float:
        """Return the standard error of the difference between two strengths."""
        spread = 2 * self.sds.participant**2 + 2 * self.sds.image**2
        shrunk = 1 / (1 + SHRINKAGE * spread)
        of_people = 2 * self.sds.participant**2 * shrunk / participants
        of_images = 2 * self.sds.image**2 * shrunk / self.images
        per_trial = (1 - CHOICE_VARIANCE * shrunk * spread) / CHOICE_VARIANCE
        of_trials = (self.methods - 1) * per_trial / (participants * self.trials)
        return sqrt(of_people + of_images + of_trials)

    def reported_se(self, participants: float) -> float:
        """Return the standard error of the win rate that the two strengths imply."""
        return self.win_rate * (1 - self.win_rate) * self.difference_se(participants)


@dataclass(frozen=True, kw_only=True)
class RatingScenario(_JudgedStudy):
    """A study in which every trial shows one image, and participants rate it.

    difference: between two mean opinion scores, in points of the scale.
    """

    difference: float
    sds: JudgedSds = RATING_SDS

    def difference_se(self, participants: float) -> float:
        """Return the standard error of the difference between two mean opinion scores."""
        ratings = participants * self.trials / self.methods  # of one method
        of_people = self.sds.participant**2 / participants
        of_images = self.sds.image**2 / self.images
        return sqrt(2 * (of_people + of_images + self.sds.residual**2 / ratings))

    def reported_se(self, participants: float) -> float:
        """Return the standard error of the difference."""
        return self.difference_se(participants)


JudgedScenario = PreferenceScenario | RatingScenario
