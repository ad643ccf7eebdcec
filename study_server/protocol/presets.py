"""Presets of published protocols, and the comment for each key of study.toml.

zhang2016: Zhang, Isola & Efros, ECCV 2016. isola2017: pix2pix. zhu2017: CycleGAN. saharia: SR3 and
Palette. hype_inf, hype_time: Zhou et al., NeurIPS 2019. Settings that a preset does not list have
the defaults of `Protocol`, which are those of zhang2016 unless noted here.
"""

from typing import Any, Literal, NamedTuple, get_args

from study_server.tasks.catalog import TASKS

Preset = Literal[
    "zhang2016", "within", "isola2017", "zhu2017", "saharia", "hype_inf", "hype_time", "exposure",
    "pairwise", "best_of_n", "ranking", "acr", "dcr",
]  # fmt: skip

FAKE_COLORS_QUESTION = "Which photograph has fake colors?"

# The five grades of ITU-T P.910 (2023): absolute and degradation category rating.
ACR_SCALE = {
    "name": "quality",
    "min": 1,
    "max": 5,
    "labels": {
        "en": ["Bad", "Poor", "Fair", "Good", "Excellent"],
        "de": ["Schlecht", "Mäßig", "Ordentlich", "Gut", "Ausgezeichnet"],
    },
    "text": {"en": "Quality of the image", "de": "Qualität des Bildes"},
}
DCR_SCALE = {
    "name": "impairment",
    "min": 1,
    "max": 5,
    "labels": {
        "en": [
            "Very annoying",
            "Annoying",
            "Slightly annoying",
            "Perceptible but not annoying",
            "Imperceptible",
        ],
        "de": [
            "Sehr störend",
            "Störend",
            "Leicht störend",
            "Wahrnehmbar, aber nicht störend",
            "Nicht wahrnehmbar",
        ],
    },
    "text": {"en": "Difference from the original", "de": "Unterschied zum Original"},
}

# Any study of colors needs these; the published studies do not report how they screened.
SCREENING_DEFAULTS = {"device": "computer", "color_vision": "recorded", "night_light": "recorded"}

# The AMT test by Zhang et al. continued by itself. By default, feedback stays until participants
# have read it.
PUBLISHED_FEEDBACK_MS = 2400

PRESETS: dict[str, dict[str, Any]] = {
    "zhang2016": {
        "title": FAKE_COLORS_QUESTION,
        "assignment": "between",
        "feedback_ms": PUBLISHED_FEEDBACK_MS,
    },
    "within": {"title": FAKE_COLORS_QUESTION, "assignment": "within", "attention_checks": 10},
    "isola2017": {
        "title": "Which image is the fake?",
        "assignment": "between",
        "stimuli": "any",
        "attention_checks": 0,
        "feedback_ms": PUBLISHED_FEEDBACK_MS,
    },
    "zhu2017": {
        "title": "Which image is the photograph?",
        "assignment": "between",
        "stimuli": "any",
        "question": "real",
        "attention_checks": 0,
        "feedback_ms": PUBLISHED_FEEDBACK_MS,
    },
    "saharia": {
        "title": "Which image was taken with a camera?",
        "assignment": "between",
        "stimuli": "any",
        "presentation": "simultaneous",
        "question": "real",
        "practice": 0,
        "trials": 50,
        "attention_checks": 0,
        "exposure_ms": 3000,
    },
    "hype_inf": {
        "title": "Is this image a photograph?",
        "assignment": "between",
        "stimuli": "any",
        "paired": False,
        "presentation": "single",
        "qualification": 100,
        "practice": 0,
        "trials": 100,
        "attention_checks": 0,
        "exposure_ms": 0,
    },
    "hype_time": {
        "title": "Is this image a photograph?",
        "assignment": "between",
        "stimuli": "any",
        "paired": False,
        "presentation": "single",
        "practice": 0,
        "trials": 450,
        "attention_checks": 0,
        "first_blank_ms": 1000,
        "blank_ms": 500,
        "exposure_ms": 500,
        "masks": 4,
        "mask_ms": 30,
        "feedback_ms": 1000,
        "staircase": {
            "start_ms": 500,
            "up_ms": 10,
            "down_ms": 30,
            "right_in_a_row": 3,
            "min_ms": 100,
            "max_ms": 1000,
            "blocks": 3,
            "trials_per_block": 150,
        },
    },
}
# Comparisons and ratings: no presets of one publication, but the usual forms of such evaluations.
COMPARISON: dict[str, Any] = {
    "assignment": "within",
    "stimuli": "any",
    "presentation": "simultaneous",
    "exposure_ms": 0,
    "first_blank_ms": 500,
    "blank_ms": 500,
    "practice": 2,
    "trials": 40,
    "attention_checks": 10,
}
PRESETS |= {
    "exposure": {
        "title": "Is this image a photograph?",
        "assignment": "within",
        "stimuli": "any",
        "presentation": "single",
        "practice": 4,
        "trials": 60,
        "attention_checks": 0,
        "exposure_ms": [100, 250, 500, 1000, 2000, 5000],
        "masks": 1,
    },
    "pairwise": COMPARISON
    | {"title": "Which image looks better?", "task": "preference", "ties": True},
    "best_of_n": COMPARISON
    | {
        "title": "Which image looks best?",
        "task": "preference",
        "methods": ["l2", "mcl", "mcl-annealed", "zhang2016"],
        "candidates": 4,
        "reference": "gray",
        "layout": "grid",
    },
    "ranking": COMPARISON
    | {
        "title": "Which images look best?",
        "task": "ranking",
        "methods": ["l2", "mcl", "mcl-annealed"],
        "candidates": 3,
    },
    "acr": COMPARISON
    | {
        "title": "How good is this image?",
        "task": "rating",
        "presentation": "single",
        "include_real": True,
        "scales": [ACR_SCALE],
    },
    "dcr": COMPARISON
    | {
        "title": "How much does this image differ from the original?",
        "task": "rating",
        "presentation": "single",
        "reference": "real",
        "scales": [DCR_SCALE],
    },
}
PRESETS = {name: SCREENING_DEFAULTS | settings for name, settings in PRESETS.items()}
assert PRESETS.keys() == set(get_args(Preset))


class PresetDescription(NamedTuple):
    """The name of a preset in words, who uses it, and its purpose, for a page."""

    name: str
    used_by: str
    purpose: str


PRESET_DESCRIPTIONS = {
    "zhang2016": PresetDescription(
        "Colorization, one method per person",
        "Zhang, Isola & Efros, Colorful Image Colorization, ECCV 2016",
        "Participants see a photograph and its recolored copy, and choose the fake.",
    ),
    "within": PresetDescription(
        "Colorization, all methods",
        "the settings of Zhang et al. as we recommend them",
        "As above, but each participant sees all methods, so half as many people are enough.",
    ),
    "isola2017": PresetDescription(
        "Image translation: which is fake?",
        "Isola et al., pix2pix, CVPR 2017",
        "Participants see a photograph and a generated image, and choose the fake.",
    ),
    "zhu2017": PresetDescription(
        "Image translation: which is real?",
        "Zhu et al., CycleGAN, ICCV 2017",
        "Participants see a photograph and a generated image, and choose the photograph.",
    ),
    "saharia": PresetDescription(
        "Side by side, limited time",
        "Saharia et al., SR3 and Palette, 2021",
        "Both images are shown at once; participants choose the photograph.",
    ),
    "hype_inf": PresetDescription(
        "Single images, no time limit",
        "Zhou et al., HYPE∞, NeurIPS 2019",
        "Participants see one image at a time, and say whether it is a photograph.",
    ),
    "hype_time": PresetDescription(
        "Single images, adaptive exposure",
        "Zhou et al., HYPE-time, NeurIPS 2019",
        "The exposure gets shorter after right answers, and longer after wrong ones.",
    ),
    "exposure": PresetDescription(
        "Single images, six exposures",
        "perception research; close to HYPE",
        "How long must people look to recognize a fake? Exposures from 100 to 5000 ms.",
    ),
    "pairwise": PresetDescription(
        "Preference between two images",
        "common in image generation and restoration, and in model arenas",
        "Participants choose the better of two images; ties are allowed.",
    ),
    "best_of_n": PresetDescription(
        "Best of several images",
        "common in image restoration and colorization",
        "Participants choose the best of four images, with a reference beside them.",
    ),
    "ranking": PresetDescription(
        "Ranking",
        "common in image restoration and style transfer",
        "Participants put three images in order.",
    ),
    "acr": PresetDescription(
        "Rating of single images (ACR)",
        "ITU-T P.910, the image and video quality community",
        "Participants rate one image at a time on a five-point scale.",
    ),
    "dcr": PresetDescription(
        "Rating against the original (DCR)",
        "ITU-T P.910, the image and video quality community",
        "Participants rate how much an image differs from the original beside it.",
    ),
}
assert PRESET_DESCRIPTIONS.keys() == PRESETS.keys()

KEY_COMMENTS = {
    "slug": "address of the study: /s/SLUG",
    "title": "shown to participants on every page",
    "languages": "languages offered to participants; the first one is the fallback",
    "wording": "folder next to this file with the texts for participants",
    "entry": "open: anyone; recruited: from Prolific, MTurk or SONA, or invited; invited: by "
    "`study invite` only",
    "linked": "true: recognize people in other linked studies of this server; the consent says so",
    "exclude_studies": "slugs of linked studies whose participants cannot take part in this one",
    "link_parameters": "query parameters of the entry link that are stored with the participant, "
    "such as batch; never one that identifies people",
    "device": "any; or computer: requires a mouse, trackpad or keyboard",
    "color_vision": "unasked; recorded; or required: participants without normal color vision are "
    "screened out",
    "night_light": "unasked; or recorded: ask whether the screen is tinted",
    "plates": "color vision plates shown before the first trial (at most 10); not a diagnosis",
    "plates_min_correct": "participants who read fewer correctly are screened out",
    "completion_code": "true: also show a code at the end to people who come by a link of your "
    "own; on Prolific and MTurk, there always is one",
    "preset": "preset that the defaults come from",
    "task": f"what a trial asks: {', '.join(TASKS)}",
    "methods": "methods to compare, as named in manifest.csv",
    "assignment": "between: one method per participant; within: all methods for every participant",
    "candidates": "images in a trial, unless they are shown one at a time",
    "include_real": "true: the photograph competes with the methods",
    "ties": "true: participants may call the images equally good",
    "reference": "method shown beside the candidates with a label, such as gray; empty: none",
    "caption": "true: show the caption of the image, a column of manifest.csv",
    "layout": "candidates in a row or in a grid",
    "stimuli": "recolored: fakes have the luma of their photograph; any: no constraint",
    "paired": "true: each fake with its own photograph; false: with a different photograph",
    "presentation": "sequential: one after the other; simultaneous: both at once; single: no pairs",
    "question": "fake: participants choose the fake; real: they choose the photograph",
    "order": "which image comes first: left_first or random",
    "qualification": "qualification trials at the start, without feedback",
    "qualification_min_correct": "proportion of qualification trials that must be correct",
    "practice": "practice trials with feedback, never analyzed",
    "trials": "test trials; with single images, half of them are photographs",
    "attention_checks": "trials with an obvious fake, spread among the test trials",
    "repeats": "test trials shown a second time, to measure consistency",
    "target_views": "stop admitting participants once every fake has been shown this often; "
    "0: no limit",
    "first_blank_ms": "blank before the first trial",
    "blank_ms": "blank before each trial after the first",
    "exposure_ms": "how long an image is shown; [500, 1000]: randomized; 0: until the answer",
    "gap_ms": "blank between the two images of a sequential pair",
    "masks": "noise images after each exposure",
    "mask_ms": "duration of each mask",
    "after_ms": "blank between the last image and the buttons",
    "feedback_ms": "duration of feedback; 0: until the participant continues",
    "prefetch": "trials loaded ahead, which can be answered without a connection",
    "disturbed": "disturbed trials: keep, or replace each of them (at most twice)",
    "abandoned_after_minutes": "inactivity after which a participant's place is given to someone "
    "else",
    "time_limit_minutes": "time limit from consent to the last answer; later answers are refused; "
    "0: no limit",
}

STAIRCASE_COMMENTS = {
    "start_ms": "exposure of the first trial of each block",
    "up_ms": "how much longer the next image is shown after a wrong answer",
    "down_ms": "how much shorter it is shown after right_in_a_row right answers",
    "right_in_a_row": "right answers in a row that shorten the exposure; then the count restarts",
    "min_ms": "shortest exposure",
    "max_ms": "longest exposure",
    "blocks": "blocks of test trials; images may appear again in another block",
    "trials_per_block": "test trials in each block, all of different images; half show photographs",
}

# The preset with which a study of a task begins, and what differs from it.
PRESETS_BY_TASK: dict[str, tuple[str, dict[str, Any]]] = {
    "real_or_fake": ("within", {"title": "Which image is the fake?", "stimuli": "any"}),
    "preference": ("pairwise", {}),
    "best_worst": ("ranking", {"task": "best_worst", "title": "Which images look best and worst?"}),
    "ranking": ("ranking", {}),
    "rating": ("acr", {}),
}
