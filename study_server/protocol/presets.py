"""Published protocols as settings of the one engine, and what each key of study.toml means.

zhang2016: Zhang, Isola & Efros, ECCV 2016. isola2017: pix2pix. zhu2017: CycleGAN. saharia: SR3 and
Palette. hype_inf: Zhou et al., NeurIPS 2019. What a preset does not name is as in zhang2016.
"""

from typing import Any, Literal, get_args

Preset = Literal["zhang2016", "within", "isola2017", "zhu2017", "saharia", "hype_inf"]

FAKE_COLORS_QUESTION = "Which photograph has fake colors?"

# what any study of colors wants to know; none of the published ones tells how they asked
SCREENING_DEFAULTS = {"device": "computer", "color_vision": "recorded", "night_light": "recorded"}

PRESETS: dict[str, dict[str, Any]] = {
    "zhang2016": {"title": FAKE_COLORS_QUESTION, "assignment": "between"},
    "within": {"title": FAKE_COLORS_QUESTION, "assignment": "within", "attention_checks": 10},
    "isola2017": {
        "title": "Which image is the fake?",
        "assignment": "between",
        "stimuli": "any",
        "attention_checks": 0,
    },
    "zhu2017": {
        "title": "Which image is the photograph?",
        "assignment": "between",
        "stimuli": "any",
        "question": "real",
        "attention_checks": 0,
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
}
PRESETS = {name: SCREENING_DEFAULTS | settings for name, settings in PRESETS.items()}
assert PRESETS.keys() == set(get_args(Preset))

KEY_COMMENTS = {
    "slug": "the study's address: /s/SLUG",
    "title": "participants read it on every page",
    "languages": "what participants may read; the first where they ask for another",
    "wording": "the folder beside this file with the texts that they read",
    "entry": "open: anybody; recruited: from Prolific, MTurk or SONA; invited: `study invite`",
    "device": "any, or computer: with a mouse, a trackpad or a keyboard",
    "color_vision": "unasked, recorded, or required: who does not call it normal is screened out",
    "night_light": "unasked, or recorded: whether the screen is being tinted",
    "plates": "color plates to be read before the first trial, at most 10; no diagnosis",
    "plates_min_correct": "who reads fewer rightly is screened out",
    "preset": "where the defaults came from",
    "methods": "the models to compare, as manifest.csv names them",
    "assignment": "between: one method a participant; within: every participant sees all",
    "stimuli": "recolored: a fake has its photograph's luma; any: anything goes",
    "paired": "true: a fake beside its own photograph; false: beside any other",
    "presentation": "sequential: one after the other; simultaneous: both at once; single: no pairs",
    "question": "fake: which one is the fake? real: which one is the photograph?",
    "order": "left_first, or random: which of the two comes first",
    "qualification": "trials before all others that must be passed, without feedback",
    "qualification_min_correct": "the share of them that must be right",
    "practice": "trials with feedback, never analysed",
    "trials": "test trials; of single images half are photographs",
    "attention_checks": "trials with an obvious fake, spread among the test trials",
    "repeats": "test trials that come twice, for how consistent a person is",
    "target_views": "let nobody new in once every fake was seen so often; 0: no such end",
    "first_blank_ms": "the blank before the first trial",
    "blank_ms": "the blank before every other trial",
    "exposure_ms": "how long an image is shown; [500, 1000]: drawn; 0: until the answer",
    "gap_ms": "between the two images of a sequential pair",
    "masks": "noise images after each exposure",
    "mask_ms": "how long each mask is shown",
    "after_ms": "between the last image and the buttons",
    "feedback_ms": "how long practice feedback stays",
    "prefetch": "trials fetched ahead: so many are answered on without a connection",
    "disturbed": "a trial with a flag: keep it, or replace it, at most twice, by another",
    "abandoned_after_minutes": "silence after which somebody's place goes to the next person",
    "time_limit_minutes": "from consent to the last answer; 0: none. Later answers are refused",
}
