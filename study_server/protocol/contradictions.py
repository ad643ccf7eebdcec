"""Find settings of a study that contradict each other; each is explained in a sentence."""

from study_server.protocol.keys import ProtocolKeys
from study_server.tasks.catalog import DEFAULT_TASK
from study_server.vocabulary import FOIL_METHOD

MIN_EXPOSURE_MS = 20  # the shortest exposure that common displays can show


def find_count_contradictions(protocol: ProtocolKeys) -> list[str]:
    """Return the contradictions between the protocol's counts."""
    trials, attention_checks, repeats = protocol.trials, protocol.attention_checks, protocol.repeats
    least = len(protocol.methods) * (2 if protocol.is_single else 1)  # half are photographs
    contradictions = []
    if protocol.plates_min_correct > protocol.plates:
        contradictions.append(
            f"plates_min_correct = {protocol.plates_min_correct} exceeds plates = "
            f"{protocol.plates}; lower it, or raise plates"
        )
    if attention_checks > trials:
        contradictions.append(
            f"attention_checks = {attention_checks} exceeds trials = {trials}; "
            "lower it (usual: a tenth of the trials)"
        )
    if repeats > trials // 2:
        contradictions.append(
            f"repeats = {repeats} exceeds half of trials = {trials}; lower it (only trials of the "
            "first half are repeated)"
        )
    if protocol.assignment == "within" and trials < least:
        contradictions.append(
            f"trials = {trials} is too few to show {len(protocol.methods)} methods to each "
            f"participant; raise trials to at least {least}, or set assignment = 'between'"
        )
    return contradictions


def find_scale_contradictions(protocol: ProtocolKeys) -> list[str]:
    """Return the languages of the study in which a scale has no labels."""
    return [
        f"scale {scale.name!r} has no labels in {language}; add them"
        for scale in protocol.scales
        for language in protocol.languages
        if language not in scale.labels
    ]


def find_staircase_contradictions(protocol: ProtocolKeys) -> list[str]:
    """Return the settings that do not work with exposures that follow the answers."""
    if protocol.staircase is None:
        return []
    contradictions = []
    for key, value, required in (
        ("task", protocol.task, DEFAULT_TASK),
        ("presentation", protocol.presentation, "single"),
        ("assignment", protocol.assignment, "between"),
        ("practice", protocol.practice, 0),
        ("attention_checks", protocol.attention_checks, 0),
        ("repeats", protocol.repeats, 0),
    ):
        if value != required:
            contradictions.append(
                f"{key} = {value!r} does not work with [staircase]; set {key} = {required!r}, or "
                "remove the table"
            )
    if protocol.trials != protocol.staircase.trials:
        contradictions.append(
            f"trials = {protocol.trials} is not blocks x trials_per_block of [staircase]; set "
            f"trials = {protocol.staircase.trials}, or change the blocks"
        )
    if not protocol.exposure_ms or isinstance(protocol.exposure_ms, tuple):
        contradictions.append(
            "[staircase] determines the exposures of test trials; set exposure_ms to one exposure, "
            "that of qualification trials, or remove the table"
        )
    return contradictions


def find_presentation_contradictions(protocol: ProtocolKeys) -> list[str]:
    """Return the contradictions between the settings of how images are shown."""
    shown, contradictions = protocol.presentation, []
    for exposure in protocol.exposures_ms:
        if exposure is None and shown == "sequential":
            contradictions.append(
                "exposure_ms = 0 (until the answer) does not work with presentation = "
                "'sequential'; set it in milliseconds"
            )
        if exposure is None and protocol.masks:
            contradictions.append(
                "masks require a limited exposure; set exposure_ms, or set masks = 0"
            )
        if exposure is not None and exposure < MIN_EXPOSURE_MS:
            contradictions.append(
                f"exposure_ms = {exposure} is shorter than {MIN_EXPOSURE_MS} ms, the minimum; "
                "raise it"
            )
    if protocol.reference and not protocol.paired:
        contradictions.append(
            "reference requires images made from the same photograph; set paired = true, or "
            "reference = ''"
        )
    if protocol.reference == FOIL_METHOD:
        contradictions.append("reference = 'foil' is not possible; choose another method")
    if protocol.order == "random" and shown != "sequential":
        contradictions.append(
            f"order = 'random' requires presentation = 'sequential', not {shown!r}; "
            "set order = 'left_first'"
        )
    return contradictions


def find_linking_contradictions(protocol: ProtocolKeys) -> list[str]:
    """Return the contradictions between the settings that link this study with others."""
    if not protocol.exclude_studies:
        return []
    contradictions = []
    if not protocol.linked:
        contradictions.append(
            "exclude_studies requires linked = true; set it, or remove the studies"
        )
    if protocol.entry != "recruited":
        contradictions.append(
            "exclude_studies requires entry = 'recruited', because people who use a plain link "
            "cannot be recognized"
        )
    if protocol.slug in protocol.exclude_studies:
        contradictions.append("exclude_studies names this study; nobody can take part twice anyway")
    return contradictions
