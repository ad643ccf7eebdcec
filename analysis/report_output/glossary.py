"""What a report calls rules, the reasons they give, and flags."""

from analysis.formatting import NARROW_SPACE

REASON_TEXTS = {
    "screened_out": "were screened out",
    "returned": "returned the task",
    "repeated": "had taken part before",
    "incomplete": "did not finish",
    "attention_checks": "missed too many attention checks",
    "too_fast": "answered too fast",
    "side_bias": "chose one side nearly always",
    "alternation": "gave the two answers in turn",
    "timing": "were disturbed too often",
}
RULE_TEXTS = {
    "screened_out": "screened out",
    "returned": "returned the task",
    "repeated": "took part before",
    "incomplete": "did not finish",
    "attention_checks": "attention checks",
    "too_fast": "answers too fast",
    "side_bias": "one side nearly always",
    "alternation": "the two answers in turn",
    "timing": "disturbed too often",
    "response_time": "single answers too fast or too slow",
}
FLAG_TEXTS = {
    "no_trials": "none of its answered trials counts",
    "one_participant": "one person only, so the interval says nothing of other people",
    "one_image": "one photograph only, so the interval says nothing of other photographs",
    "few_participants": "fewer than ten people, so the interval leans on its assumptions",
    "few_images": "fewer than ten photographs, so the interval leans on its assumptions",
    "rate_at_bound": f"a rate of 0 or 100{NARROW_SPACE}% shows no spread; the interval is the exact"
    " binomial one, with a design effect from the other methods or from typical studies",
    "no_variation": "the difference never varies, so there is no spread to judge it by",
    "mixed_too_many_trials": "the mixed model was left out, for so many trials take long; ask with"
    " --mixed",
    "mixed_no_trials": "no trials for the mixed model",
    "mixed_one_participant": "one person gives no mixed model",
    "mixed_one_image": "one photograph gives no mixed model",
    "mixed_one_trial_each_participant": "no mixed model, for nobody judged two trials",
    "mixed_one_trial_each_image": "no mixed model, for no photograph was judged twice",
    "mixed_rate_at_bound": f"no mixed model at a rate of 0 or 100{NARROW_SPACE}%",
    "mixed_not_converged": "the mixed model did not converge",
    "mixed_not_identified": "the mixed model cannot tell people from photographs here",
    "mixed_no_participant_variance": "the mixed model sees no difference between people",
    "mixed_no_image_variance": "the mixed model sees no difference between photographs",
}
