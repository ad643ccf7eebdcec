"""The report's texts for exclusion rules, their reasons, and flags."""

REASON_TEXTS = {
    "screened_out": "screened out",
    "returned": "returned the task",
    "repeated": "had taken part before",
    "incomplete": "did not finish",
    "attention_checks": "failed the attention checks",
    "too_fast": "answered too fast",
    "side_bias": "almost always chose the same side",
    "alternation": "alternated between the two answers",
    "timing": "had too many disturbed trials",
}
RULE_TEXTS = {
    "screened_out": "screened out",
    "returned": "returned the task",
    "repeated": "took part before",
    "incomplete": "did not finish",
    "attention_checks": "attention checks",
    "too_fast": "too many fast answers",
    "side_bias": "side bias",
    "alternation": "alternating answers",
    "timing": "too many disturbed trials",
    "response_time": "response time out of range (individual trials)",
}
UNCHECKED_TEXTS = {  # parts of a design that the responses do not show
    "hypotheses": "hypotheses",
    "stopping": "stopping rule",
    "wording": "wording",
    "stimuli": "stimuli",
}
UNRANKED_TEXTS = {
    "no_trials": "no included trials",
    "one_image": "only one photograph",
    "one_trial_each_image": "each has only one trial",
    "rate_at_bound": "all answers to them were the same",
    "no_image_variance": "they differ no more than expected by chance",
}
MARGIN_TEXTS = {
    "design": "the margin fixed in the frozen design",
    "plan": "a margin from a plan that is not part of a frozen design",
    "option": "a margin chosen for this report",
    "default": "the default margin, since no plan sets one",
}
FLAG_TEXTS = {
    "no_trials": "no included trials",
    "one_participant": "only one participant: the interval does not generalize to others",
    "one_image": "only one photograph: the interval does not generalize to others",
    "few_participants": (
        "fewer than ten participants: the interval depends strongly on its assumptions"
    ),
    "few_images": "fewer than ten photographs: the interval depends strongly on its assumptions",
    "rate_at_bound": (
        "with a rate of 0 or 100%, the variance cannot be estimated; the interval is the exact "
        "binomial one, with a design effect taken from the other methods or from typical studies"
    ),
    "no_variation": "the difference has an estimated variance of zero, so it cannot be tested",
    "mixed_too_many_trials": (
        "the mixed model was not fitted because there are so many trials; --mixed fits it anyway"
    ),
    "mixed_no_trials": "no mixed model: no included trials",
    "mixed_one_participant": "no mixed model: only one participant",
    "mixed_one_image": "no mixed model: only one photograph",
    "mixed_one_trial_each_participant": "no mixed model: no participant has more than one trial",
    "mixed_one_trial_each_image": "no mixed model: no photograph has more than one trial",
    "mixed_rate_at_bound": "no mixed model: the rate is 0 or 100%",
    "mixed_not_converged": "the mixed model did not converge",
    "mixed_not_identified": (
        "the mixed model is not identified: participants and photographs cannot be separated"
    ),
    "mixed_no_participant_variance": "the mixed model estimates no variance between participants",
    "mixed_no_image_variance": "the mixed model estimates no variance between photographs",
}
PAIR_FLAG_TEXTS = FLAG_TEXTS | {  # of differences
    "one_participant": (
        "only one participant for one or both methods: the interval does not generalize to others"
    ),
    "one_image": (
        "only one photograph for one or both methods: the interval does not generalize to others"
    ),
    "rate_at_bound": (
        "one of the rates is 0 or 100%, so the difference was not tested; its interval combines "
        "those of both rates (Newcombe, 1998)"
    ),
}
