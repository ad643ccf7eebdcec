"""The exclusion rules of a study, from its frozen plan."""

import json

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Study
from study_server.studies.design import PlannedExclusions

# By default, one of this many attention checks may be answered wrong.
TRIALS_PER_ALLOWED_MISS = 5


def exclusion_rules_of(study: Study) -> PlannedExclusions:
    """Return the exclusion rules of the frozen plan, or the defaults before the freeze.

    Numbers of trials that the plan leaves open are those of the protocol.
    """
    plan = json.loads(study.design)["plan"] if study.design else {}
    protocol = parse_stored_protocol(study.protocol)
    counts = {
        "planned_trials": protocol.trials + protocol.attention_checks,
        "attention_checks_planned": protocol.attention_checks,
    }
    return PlannedExclusions.model_validate(counts | plan.get("exclusions", {}))


def required_attention_checks_correct(rules: PlannedExclusions, planned: int) -> int:
    """Return how many attention checks must be correct: the plan's number, or 80% by default."""
    needed = rules.attention_checks_min_correct
    return planned - planned // TRIALS_PER_ALLOWED_MISS if needed is None else needed
