"""The explanation of each key of the tables `[[questions]]` and `[[scales]]` of study.toml."""

QUESTION_COMMENTS = {
    "name": "names the question in questionnaire.csv and in the report",
    "text": "the question, in each language of the study",
    "kind": "choice: radio buttons; number; or text: at most 1,000 characters",
    "options": "what can be chosen, one option per line; only for the kind choice",
    "required": "true: the page can only be left with an answer, which may be “Prefer not to say”",
    "when": "before the first trial, or after the last",
}

SCALE_COMMENTS = {
    "name": "names the scale in judgments.csv and in the report",
    "min": "lowest value",
    "max": "highest value",
    "labels": "one per line: a label for each value makes radio buttons, two make a slider",
    "text": "what the scale asks, in each language of the study; may be empty",
}
