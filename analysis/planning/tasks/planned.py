"""The tasks whose studies can be planned: by fooling rates, by preferences, or by ratings."""

RATES_TASK, PREFERENCE_TASK, RATING_TASK = "real_or_fake", "preference", "rating"
# How a study of each task is planned: choices among several, and rankings, as if they were pairs.
PLANNED_TASKS = {
    RATES_TASK: RATES_TASK,
    PREFERENCE_TASK: PREFERENCE_TASK,
    "best_worst": PREFERENCE_TASK,
    "ranking": PREFERENCE_TASK,
    RATING_TASK: RATING_TASK,
}
