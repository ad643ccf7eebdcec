"""Presets of published protocols.

zhang2016: Zhang, Isola & Efros, ECCV 2016. isola2017: pix2pix. zhu2017: CycleGAN. saharia: SR3 and
Palette. hype_inf, hype_time: Zhou et al., NeurIPS 2019. Settings that a preset does not list have
the defaults of `Protocol`, which are those of zhang2016 unless noted here.
"""

from typing import Any, Literal, NamedTuple, get_args

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
assert PRESETS.keys() == set(get_args(Preset)), PRESETS.keys() ^ set(get_args(Preset))


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
        "studies after Zhang et al. (recommended)",
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
        "perception research, similar to HYPE",
        "How long must people look to recognize a fake? Exposures from 100 to 5000 ms.",
    ),
    "pairwise": PresetDescription(
        "Preference between two images",
        "image generation, image restoration and model arenas",
        "Participants choose the better of two images; ties are allowed.",
    ),
    "best_of_n": PresetDescription(
        "Best of several images",
        "image restoration and colorization",
        "Participants choose the best of four images, with a reference beside them.",
    ),
    "ranking": PresetDescription(
        "Ranking",
        "image restoration and style transfer",
        "Participants put three images in order.",
    ),
    "acr": PresetDescription(
        "Rating of single images (ACR)",
        "research on the quality of images and video (ITU-T P.910)",
        "Participants rate one image at a time on a five-point scale.",
    ),
    "dcr": PresetDescription(
        "Rating against the original (DCR)",
        "research on the quality of images and video (ITU-T P.910)",
        "Participants rate how much an image differs from the original beside it.",
    ),
}
assert PRESET_DESCRIPTIONS.keys() == PRESETS.keys(), PRESET_DESCRIPTIONS.keys() ^ PRESETS.keys()

# The preset with which a study of a task begins, and what differs from it.
PRESETS_BY_TASK: dict[str, tuple[str, dict[str, Any]]] = {
    "real_or_fake": ("within", {"title": "Which image is the fake?", "stimuli": "any"}),
    "preference": ("pairwise", {}),
    "best_worst": ("ranking", {"task": "best_worst", "title": "Which images look best and worst?"}),
    "ranking": ("ranking", {}),
    "rating": ("acr", {}),
}
