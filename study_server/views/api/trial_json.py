"""The JSON of trials, as participants receive it."""

from study_server.participants import current_trial
from study_server.protocol.model import Protocol
from study_server.tasks.scales import Scale
from study_server.vocabulary import TrialKind


def describe_upcoming_trials(
    ahead: current_trial.UpcomingTrials, person: current_trial.CurrentParticipant, base: str
) -> dict[str, object]:
    """Describe the trials that a participant's program can load now. base: of their addresses."""
    protocol, language = person.protocol, person.language
    trials = [_describe_trial(trial, protocol, base, language) for trial in ahead.trials]
    return {"answered": ahead.answered, "planned": ahead.planned, "trials": trials}


def _describe_trial(
    trial: current_trial.UpcomingTrial, protocol: Protocol, base: str, language: str
) -> dict[str, object]:
    """Describe a trial without anything that reveals which image is the fake."""
    kind = TrialKind.TEST if trial.kind is TrialKind.ATTENTION else trial.kind
    trial_url = f"{base}/trials/{trial.token}"
    return {
        "token": trial.token,
        "kind": kind,
        "block": trial.block,
        "number": trial.place + 1 - protocol.visible_trials_before(kind),
        "total": protocol.visible_trials(kind),
        "task": protocol.task,
        "presentation": protocol.presentation,
        "layout": protocol.layout,
        "slots": [
            {"image": f"{trial_url}/{slot}", "appears": appears}
            for slot, appears in enumerate(trial.appears)
        ],
        "reference": f"{trial_url}/{len(trial.appears)}" if trial.has_reference else None,
        "caption": trial.caption if protocol.caption else None,
        "ties": protocol.ties,
        "scales": [_describe_scale(scale, protocol, language) for scale in protocol.scales],
        "timing": {
            "blank_ms": protocol.blank_ms if trial.place else protocol.first_blank_ms,
            "exposure_ms": trial.exposure_ms,
            "awaits_exposure": trial.awaits_exposure,
            "gap_ms": protocol.gap_ms,
            "masks": protocol.masks,
            "mask_ms": protocol.mask_ms,
            "after_ms": protocol.after_ms,
            "feedback_ms": protocol.feedback_ms if protocol.gives_feedback(kind) else None,
        },
    }


def _describe_scale(scale: Scale, protocol: Protocol, language: str) -> dict[str, object]:
    fallback = protocol.languages[0]
    return {
        "name": scale.name,
        "text": scale.text.get(language) or scale.text.get(fallback) or scale.name,
        "min": scale.min,
        "max": scale.max,
        "labels": scale.labels.get(language) or scale.labels[fallback],
        "is_slider": scale.is_slider,
    }
