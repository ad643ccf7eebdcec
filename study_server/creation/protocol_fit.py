"""Fit a draft's protocol to the methods and the number of the images that were uploaded."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from study_server.errors import StudyError
from study_server.protocol.image_supply import find_shortage
from study_server.protocol.model import Protocol
from study_server.stimuli.manifest import required_methods
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD

COUNT_KEYS = ("qualification", "practice", "attention_checks", "repeats")
Pools = Mapping[str, Sequence[str]]  # by method, the images that have a stimulus of it


class FittedProtocol(NamedTuple):
    """A protocol that the images allow, and one sentence for each setting that was changed."""

    protocol: Protocol
    changes: list[str]


def fit_protocol(protocol: Protocol, pools: Pools) -> FittedProtocol:
    """Take the methods from the images, and turn off or lower what the images do not allow.

    Raises StudyError if no study is possible with these images.
    """
    fitted = _fit_counts(_fit_methods(protocol, pools), pools)
    changes = _describe_changes(protocol, fitted)
    if FOIL_METHOD in pools and not fitted.attention_checks:
        changes.append("The folder foil is not used, because attention_checks = 0.")
    return FittedProtocol(fitted, changes)


def _fit_methods(protocol: Protocol, pools: Pools) -> Protocol:
    """Return the protocol with these methods, and with as many candidates as they allow."""
    reference = protocol.reference if protocol.reference in pools else ""
    models = [method for method in protocol.methods if method in pools and method != reference]
    others = set(pools) - {REAL_METHOD, FOIL_METHOD, reference, *models}
    methods = (*models, *sorted(others))
    if not methods:
        raise StudyError(
            "there is no method to study; besides real and foil, add a folder of images for each "
            "method, such as gan"
        )
    has_foils = {FOIL_METHOD, REAL_METHOD} <= set(pools)
    changes: dict[str, Any] = {
        "methods": methods,
        "reference": reference,
        "attention_checks": protocol.attention_checks if has_foils else 0,
    }
    if protocol.has_truth or protocol.is_single:
        return _replace(protocol, changes)
    rivals = len(methods) + protocol.include_real
    changes["candidates"] = min(protocol.candidates, rivals)
    fitted = _replace_or_none(protocol, changes)
    if fitted is None and REAL_METHOD in pools and not protocol.include_real:
        changes |= {"include_real": True, "candidates": min(protocol.candidates, rivals + 1)}
    return fitted or _replace(protocol, changes)


def _fit_counts(protocol: Protocol, pools: Pools) -> Protocol:
    """Return the protocol with the most trials that the images allow, in the same proportions."""
    if protocol.staircase is not None:
        most = protocol.staircase.trials_per_block
        candidates = (_with_block(protocol, trials) for trials in range(most, 0, -1))
    else:
        candidates = (_with_trials(protocol, trials) for trials in range(protocol.trials, 0, -1))
    shown = {method: pools.get(method, ()) for method in required_methods(protocol)}
    for settings in candidates:
        fitted = _replace_or_none(protocol, settings)
        if fitted is not None and find_shortage(fitted, shown) is None:
            return fitted
    fewest = min((len(images), method) for method, images in shown.items())
    raise StudyError(f"{fewest[0]} images by {fewest[1]} are too few for any study; add images")


def _with_trials(protocol: Protocol, trials: int) -> dict[str, Any]:
    share = trials / protocol.trials
    counts = {key: getattr(protocol, key) for key in COUNT_KEYS}
    lowered = {key: max(1, round(share * count)) if count else 0 for key, count in counts.items()}
    if not protocol.has_truth and protocol.is_single:  # a foil and its photograph are two trials
        lowered["attention_checks"] += lowered["attention_checks"] % 2
    return {"trials": trials, **lowered}


def _with_block(protocol: Protocol, trials: int) -> dict[str, Any]:
    assert protocol.staircase is not None
    staircase = protocol.staircase.model_dump() | {"trials_per_block": trials}
    share = trials / protocol.staircase.trials_per_block
    return {
        "staircase": staircase,
        "trials": trials * protocol.staircase.blocks,
        "qualification": round(share * protocol.qualification),
    }


def _replace(protocol: Protocol, settings: Mapping[str, Any]) -> Protocol:
    """Return the protocol with other settings; raises StudyError if they contradict each other."""
    try:
        return Protocol.model_validate(protocol.model_dump() | dict(settings))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise StudyError(
            f"these images do not fit the protocol: {reason}; add methods, or choose another preset"
        ) from error


def _replace_or_none(protocol: Protocol, settings: Mapping[str, Any]) -> Protocol | None:
    try:
        return _replace(protocol, settings)
    except StudyError:
        return None


def _describe_changes(before: Protocol, after: Protocol) -> list[str]:
    """Return one sentence for each change of a setting, except for the methods."""
    sentences = []
    if before.attention_checks and not after.attention_checks:
        sentences.append(
            "There are no attention checks, because they need the folders real and foil."
        )
    if before.reference != after.reference:
        sentences.append(f"There is no reference, because there is no folder {before.reference}.")
    if after.include_real and not before.include_real:
        sentences.append("The photograph competes too, because there are so few methods.")
    if after.candidates != before.candidates:
        sentences.append(f"A trial shows {after.candidates} images.")
    if after.trials != before.trials:
        sentences.append(
            f"The images allow {after.trials} trials per participant, not {before.trials}; the "
            "other numbers of trials are lowered in proportion."
        )
    return sentences
