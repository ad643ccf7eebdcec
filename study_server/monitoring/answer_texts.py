"""An answer in words, without saying whether it was right."""

from collections.abc import Sequence

from study_server.protocol.model import Protocol, task_of
from study_server.storage.models import Judgment
from study_server.tasks import comparisons

SIDES = ("left", "right")


def format_answer(protocol: Protocol, judgments: Sequence[Judgment]) -> str:
    """Return what a participant answered to a trial, such as `left` or `quality 3`."""
    values = {(one.scale, one.slot): one.value for one in judgments}
    by_slot = [value for _, value in sorted(values.items())]
    if task_of(protocol).HAS_TRUTH:
        return _format_choice(protocol, by_slot)
    if judgments and judgments[0].scale == comparisons.RANK:
        return _format_ranks(by_slot)
    return ", ".join(f"{scale} {value:g}" for (scale, _), value in values.items())


def _format_choice(protocol: Protocol, says_real: Sequence[float]) -> str:
    """Return the side of the image that the question asked for, or what a single image is."""
    if protocol.is_single:
        return "real" if says_real[0] else "fake"
    chosen = 1.0 if protocol.question == "real" else 0.0
    return SIDES[says_real.index(chosen)]


def _format_ranks(ranks: Sequence[float]) -> str:
    if len(set(ranks)) == 1:
        return "no difference"
    if len(ranks) == len(SIDES):
        return SIDES[ranks.index(min(ranks))]
    return "ranks " + ", ".join(f"{rank:g}" for rank in ranks)
