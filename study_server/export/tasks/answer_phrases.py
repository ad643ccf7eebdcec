"""Say in a method section what participants did on a trial of each task."""

from collections.abc import Callable

from study_server.counts import join_words
from study_server.protocol.model import Protocol


def describe_answer(protocol: Protocol) -> str:
    """Return what participants did, such as "chose the fake", for a sentence about them."""
    describe = PHRASES.get(protocol.task)
    return describe(protocol) if describe else "answered the question"


def _describe_real_or_fake(protocol: Protocol) -> str:
    if protocol.is_single:
        return (
            "judged whether it was a photograph or a fake; half of the test images were photographs"
        )
    return "chose the photograph" if protocol.question == "real" else "chose the fake"


def _describe_preference(protocol: Protocol) -> str:
    return "chose the image that looked best" + _ties(protocol)


def _describe_best_worst(_protocol: Protocol) -> str:
    return "chose the image that looked best and the one that looked worst"


def _describe_ranking(protocol: Protocol) -> str:
    return "ordered the images from best to worst" + _ties(protocol)


def _ties(protocol: Protocol) -> str:
    return ", or said that the images looked equally good" if protocol.ties else ""


def _describe_rating(protocol: Protocol) -> str:
    scales = [f"{scale.name} ({scale.min:,} to {scale.max:,})" for scale in protocol.scales]
    noun = "scale" if len(scales) == 1 else "scales"
    which = "it" if protocol.is_single else "each of them"
    return f"rated {which} on the {noun} {join_words(scales)}"


PHRASES: dict[str, Callable[[Protocol], str]] = {
    "real_or_fake": _describe_real_or_fake,
    "preference": _describe_preference,
    "best_worst": _describe_best_worst,
    "ranking": _describe_ranking,
    "rating": _describe_rating,
}
