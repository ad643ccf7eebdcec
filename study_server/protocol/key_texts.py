"""The label and the explanation of each key of study.toml, for its comments and for the form."""

from typing import NamedTuple

from study_server.tasks.catalog import TASKS


class KeyText(NamedTuple):
    """The texts about a key. explanation: sentences, in which what is between backticks is code."""

    label: str
    explanation: str


PROTOCOL_KEYS = {
    "slug": KeyText("Slug", "The address of the study is /s/SLUG."),
    "title": KeyText("Title", "Participants read it on every page."),
    "languages": KeyText(
        "Languages",
        "Participants are offered these languages; the first is used if none suits their browser.",
    ),
    "wording": KeyText(
        "Folder of the texts",
        "The texts for participants are in this folder next to study.toml.",
    ),
    "entry": KeyText(
        "Entry",
        "With `open`, anyone can take part; with `recruited`, people from Prolific, MTurk or SONA "
        "and people with an invitation; with `invited`, people with an invitation only.",
    ),
    "linked": KeyText(
        "Link with other studies",
        "People are recognized in other linked studies of this server, and the consent text says "
        "so.",
    ),
    "exclude_studies": KeyText(
        "Studies whose participants are excluded",
        "Participants of these linked studies cannot take part in this one. Enter their slugs.",
    ),
    "link_parameters": KeyText(
        "Link parameters to store",
        "These query parameters of the entry link, such as batch, are stored with the participant. "
        "Never store one that identifies people.",
    ),
    "device": KeyText(
        "Device",
        "With `computer`, participants need a mouse, a trackpad or a keyboard; with `any`, touch "
        "screens are allowed, too.",
    ),
    "color_vision": KeyText(
        "Color vision",
        "With `unasked`, participants are not asked about their color vision; with `recorded`, "
        "their answer is stored; with `required`, people without normal color vision are screened "
        "out.",
    ),
    "night_light": KeyText(
        "Tinted screen",
        "With `recorded`, participants are asked whether their screen is tinted, for example by "
        "Night Light.",
    ),
    "plates": KeyText(
        "Color vision plates",
        "Participants read the digits on this many color vision plates before the first trial. "
        "This is not a diagnosis.",
    ),
    "plates_min_correct": KeyText(
        "Color vision plates to read correctly",
        "Participants who read fewer plates correctly are screened out.",
    ),
    "completion_code": KeyText(
        "Completion code for your own links",
        "People who come from a link of your own also see a code at the end. On Prolific and "
        "MTurk, everyone sees one.",
    ),
    "preset": KeyText("Preset", "The defaults come from this preset."),
    "task": KeyText("Task", f"Each trial asks for one of these: {', '.join(TASKS)}."),
    "methods": KeyText(
        "Methods", "These methods are compared. Their names are those of the stimuli."
    ),
    "assignment": KeyText(
        "Methods per participant",
        "With `between`, each participant sees one method; with `within`, each participant sees "
        "all methods.",
    ),
    "candidates": KeyText(
        "Images per trial",
        "Each trial shows this many images, unless they are shown one at a time.",
    ),
    "include_real": KeyText(
        "Compare the photographs, too",
        "The photograph competes with the methods.",
    ),
    "ties": KeyText("Ties", "Participants can say that the images are equally good."),
    "reference": KeyText(
        "Reference",
        "The image by this method, such as gray, is shown beside the candidates with a label. "
        "Leave it empty for no reference.",
    ),
    "caption": KeyText(
        "Captions", "Each trial shows the caption of its image, a column of manifest.csv."
    ),
    "layout": KeyText("Layout", "The candidates are shown in a row or in a grid."),
    "stimuli": KeyText(
        "Constraint on the fakes",
        "With `recolored`, the audit checks that each fake has the lightness of its photograph; "
        "with `any`, there is no constraint.",
    ),
    "paired": KeyText(
        "Pair each fake with its own photograph",
        "Otherwise, a fake is shown with a different photograph.",
    ),
    "presentation": KeyText(
        "Presentation",
        "With `sequential`, the images are shown one after the other; with `simultaneous`, all at "
        "once; with `single`, each trial shows one image.",
    ),
    "question": KeyText(
        "Image to choose",
        "With `fake`, participants choose the fake; with `real`, they choose the photograph.",
    ),
    "order": KeyText(
        "Image shown first",
        "With `left_first`, the left image is always shown first; with `random`, either is.",
    ),
    "qualification": KeyText(
        "Qualification trials",
        "Participants start with this many trials without feedback, which they must pass.",
    ),
    "qualification_min_correct": KeyText(
        "Qualification: share that must be correct",
        "Participants with a smaller share of correct answers do not pass.",
    ),
    "practice": KeyText(
        "Practice trials",
        "Practice trials come before the test trials and are never analyzed. If an answer can be "
        "right or wrong, participants learn which it was.",
    ),
    "trials": KeyText(
        "Test trials",
        "Test trials are analyzed. With single images, half of them show photographs.",
    ),
    "attention_checks": KeyText(
        "Attention checks",
        "Attention checks show an obvious fake and are spread among the test trials.",
    ),
    "repeats": KeyText(
        "Repeated trials",
        "This many test trials are shown a second time, to measure consistency.",
    ),
    "target_views": KeyText(
        "Views of each fake",
        "Enrollment stops once every fake has been shown this often; 0 means no limit.",
    ),
    "first_blank_ms": KeyText(
        "Blank before the first trial (ms)",
        "The stage stays blank for this long before the first trial.",
    ),
    "blank_ms": KeyText(
        "Blank before other trials (ms)",
        "The stage stays blank for this long before each trial after the first.",
    ),
    "exposure_ms": KeyText(
        "Exposure (ms)",
        "Each image is shown for this long. Of several exposures, written [500, 1000] in "
        "study.toml, each trial has one at random. With 0, images stay until the answer.",
    ),
    "gap_ms": KeyText(
        "Blank within a pair (ms)",
        "The stage stays blank for this long between the two images of a sequential pair.",
    ),
    "masks": KeyText("Masks", "This many noise images follow each exposure."),
    "mask_ms": KeyText("Duration of a mask (ms)", "Each mask is shown for this long."),
    "after_ms": KeyText(
        "Blank before the buttons (ms)",
        "The stage stays blank for this long between the last image and the buttons.",
    ),
    "feedback_ms": KeyText(
        "Feedback (ms)",
        "Feedback is shown for this long. With 0, it stays until the participant continues.",
    ),
    "prefetch": KeyText(
        "Trials loaded ahead",
        "This many trials are loaded ahead and can be answered without a connection.",
    ),
    "disturbed": KeyText(
        "Disturbed trials",
        "With `keep`, disturbed trials stay; with `replace`, each is replaced, at most twice.",
    ),
    "abandoned_after_minutes": KeyText(
        "Abandoned after (minutes)",
        "A participant who is inactive for this long loses the place to someone else.",
    ),
    "time_limit_minutes": KeyText(
        "Time limit (minutes)",
        "The last answer must come within this time after the consent; later answers are refused. "
        "0 means no limit.",
    ),
}

STAIRCASE_KEYS = {
    "start_ms": KeyText(
        "First exposure (ms)", "The first image of each block is shown for this long."
    ),
    "up_ms": KeyText(
        "Step after a wrong answer (ms)",
        "After a wrong answer, the next image is shown this much longer.",
    ),
    "down_ms": KeyText(
        "Step after right answers (ms)",
        "After enough right answers in a row, the next image is shown this much shorter.",
    ),
    "right_in_a_row": KeyText(
        "Right answers in a row",
        "This many right answers in a row shorten the exposure; then the count starts again.",
    ),
    "min_ms": KeyText("Shortest exposure (ms)", "No image is shown for a shorter time."),
    "max_ms": KeyText("Longest exposure (ms)", "No image is shown for a longer time."),
    "blocks": KeyText(
        "Blocks",
        "The test trials are in this many blocks. Images may appear again in another block.",
    ),
    "trials_per_block": KeyText(
        "Test trials per block",
        "The images of a block are all different, and half of them are photographs.",
    ),
}

QUESTION_KEYS = {
    "name": KeyText("Name", "It names the question in questionnaire.csv and in the report."),
    "text": KeyText("Question", "Participants read it in the language that they chose."),
    "kind": KeyText(
        "Kind of answer",
        "With `choice`, participants choose an option; with `number`, they enter a number; with "
        "`text`, they write up to 1,000 characters.",
    ),
    "options": KeyText(
        "Options", "Participants choose one of these. Write one per line; only for a choice."
    ),
    "required": KeyText(
        "Required",
        "Participants must answer to continue, but can answer “Prefer not to say”.",
    ),
    "when": KeyText("When", "The question is asked before the first trial or after the last one."),
}

SCALE_KEYS = {
    "name": KeyText("Name", "It names the scale in judgments.csv and in the report."),
    "min": KeyText("Lowest value", "The scale starts at this value."),
    "max": KeyText("Highest value", "The scale ends at this value."),
    "labels": KeyText(
        "Labels",
        "Write one per line. With a label for each value, the scale has radio buttons; with two "
        "labels, it is a slider.",
    ),
    "text": KeyText(
        "Question of the scale",
        "Participants read it in the language that they chose. It may be empty.",
    ),
}
