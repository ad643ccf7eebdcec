"""Tests of the paragraph on the design, sentence by sentence."""

import pytest
from flask import Flask

from study_server.export.method_text import describe_design, describe_method
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, PlannedExclusions
from study_server.studies.lookup import find_study
from tests.conftest import short_protocol

PLAN = AnalysisPlan(participants=60, stopping="when 60 are complete.", margin=0.05)
COMPUTER = "Participation required a mouse, trackpad or keyboard."
RULES = (
    "Participants are excluded if they answered less than 90% of their trials, {}gave more than "
    "25% of their answers in under 200 ms, {}or had technical disturbances on more than 50% of "
    "trials; single answers are excluded if they are faster than 200 ms or slower than 60 s."
)
SIDES = (
    "chose one side on more than 90% of trials, switched between the two answers on more than 95% "
    "of trials "
)
CHECKS = "failed the attention checks, "
SAMPLE = "The planned sample was 60 complete participants."
STOPPING = "The stopping rule was: when 60 are complete."
DRAFT = "The design is not frozen yet."


def sentences(preset: str, **changes: object) -> list[str]:
    protocol = create_protocol("mine", preset).model_copy(update=changes)
    return describe_design(protocol, PLAN, 200, None)


def test_the_default_preset() -> None:
    assert sentences("zhang2016") == [
        "The study evaluated 2 methods (l2 and mcl) on 200 source images; each participant judged "
        "one method.",
        "On each trial, participants saw a photograph and a fake made from it one after the other, "
        "each for 1,000 ms, and chose the fake.",
        "Each participant was planned to answer 10 practice trials with feedback, 40 test trials "
        "and 4 attention checks, in about 7 minutes.",
        COMPUTER,
        RULES.format("", SIDES),
        SAMPLE,
        STOPPING,
        "Differences below 5 percentage points count as equivalent.",
        DRAFT,
    ]


@pytest.mark.parametrize(
    ("preset", "trial", "counts"),
    [
        (
            "saharia",
            "On each trial, participants saw a photograph and a fake made from it side by side for "
            "3,000 ms, and chose the photograph.",
            "Each participant was planned to answer 50 test trials, in about 7 minutes.",
        ),
        (
            "hype_inf",
            "On each trial, participants saw one image until they answered and judged whether it "
            "was a photograph or a fake; half of the test images were photographs.",
            "Each participant was planned to answer 100 qualification trials and 100 test trials, "
            "in about 20 minutes.",
        ),
        (
            "hype_time",
            "On each trial, participants saw one image for a time that followed their answers (500 "
            "ms at first, 10 ms longer after a wrong answer, 30 ms shorter after 3 right answers "
            "in a row) and judged whether it was a photograph or a fake; half of the test images "
            "were photographs.",
            "Every image was followed by 4 noise masks of 30 ms each.",
        ),
        (
            "exposure",
            "On each trial, participants saw one image for 100, 250, 500, 1,000, 2,000 or 5,000 "
            "ms, drawn at random, and judged whether it was a photograph or a fake; half of the "
            "test images were photographs.",
            "Every image was followed by 1 noise mask of 30 ms.",
        ),
        (
            "pairwise",
            "On each trial, participants saw two images at once until they answered and chose the "
            "image that looked best, or said that the images looked equally good.",
            "Each participant was planned to answer 2 practice trials, 40 test trials and 10 "
            "attention checks, in about 6 minutes.",
        ),
        (
            "best_of_n",
            "On each trial, participants saw four images at once until they answered and chose the "
            "image that looked best.",
            "The gray image was shown beside them, with a label.",
        ),
        (
            "ranking",
            "On each trial, participants saw three images at once until they answered and ordered "
            "the images from best to worst.",
            COMPUTER,
        ),
        (
            "acr",
            "On each trial, participants saw one image until they answered and rated it on the "
            "scale quality (1 to 5).",
            "Photographs were judged in the same way as the methods.",
        ),
        (
            "dcr",
            "On each trial, participants saw one image until they answered and rated it on the "
            "scale impairment (1 to 5).",
            "The original was shown beside it, with a label.",
        ),
    ],
)
def test_what_each_task_asks(preset: str, trial: str, counts: str) -> None:
    described = sentences(preset)
    assert described[1] == trial
    assert counts in described


def test_best_and_worst() -> None:
    described = sentences("best_of_n", task="best_worst")
    assert described[1].endswith("chose the image that looked best and the one that looked worst.")


def test_rules_depend_on_the_protocol() -> None:
    assert RULES.format(CHECKS, SIDES) in sentences("within")
    single = RULES.replace("ms, {}or", "ms or").format("")
    assert single.replace("200 ms or had", "200 ms, switched between the two answers on more than "
                          "95% of trials or had") in sentences("hype_inf")  # fmt: skip
    assert RULES.replace("ms, {}or", "ms or").format(CHECKS) in sentences("acr")


def test_screening_and_own_rules() -> None:
    protocol = short_protocol(
        methods=["mcl"], color_vision="required", plates=4, plates_min_correct=3, repeats=1,
        qualification=2,
    )  # fmt: skip
    plan = AnalysisPlan(exclusions=PlannedExclusions(min_completed_fraction=0.8, slow_ms=10_000))
    described = describe_design(protocol, plan, 12, "ab" * 32)
    assert described[0] == (
        "The study evaluated 1 method (mcl) on 12 source images; every participant judged this "
        "method."
    )
    assert described[2:5] == [
        "Each participant was planned to answer 2 qualification trials, 2 practice trials with "
        "feedback, 4 test trials, 1 attention check and 1 repeated trial, in about 2 minutes.",
        "People who reported atypical color vision or who read fewer than 3 of 4 color vision "
        "plates were screened out.",
        "Participants continued only with at least 65% of the qualification trials correct.",
    ]
    assert "less than 80% of their trials" in described[5]
    assert described[5].endswith("slower than 10 s.")
    assert described[6] == (
        "The protocol, the texts, the stimuli and the analysis plan were fixed before the first "
        f"participant (SHA-256 of the design: {'ab' * 32})."
    )


def test_a_margin_of_ratings_is_in_points() -> None:
    assert "Differences below 0.05 points of the scale count as equivalent." in sentences("acr")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gives_whole_sentences(preset: str) -> None:
    for sentence in sentences(preset):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert "None" not in sentence


def test_the_paragraph_of_a_study_counts_its_images(app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        assert " on 12 source images; " in describe_method(db, find_study(db, "short"))
