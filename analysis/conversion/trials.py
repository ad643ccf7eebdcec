"""The trials of a converted table, and the fields that the trials of all tasks share."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.conversion.column_map import ColumnMap
from analysis.conversion.notes import ConversionError, Notes, count_noun
from analysis.conversion.records import Records
from analysis.conversion.values import read_numbers, read_times, read_yes_no

KIND_WORDS = {
    **dict.fromkeys(("test", "main", "experiment", "experimental", "trial"), "test"),
    **dict.fromkeys(("practice", "training", "train", "warmup", "warm-up"), "practice"),
    **dict.fromkeys(("attention", "attention check", "attention_check", "catch"), "attention"),
    **dict.fromkeys(("qualification",), "qualification"),
}
MODE_WORDS = ("live", "preview", "simulated")
PRESENTATIONS = ("simultaneous", "sequential")
ASSIGNED_SIDES = (
    "the sides of pairs are not known and were assigned; ignore what the report says about sides"
)
SIDE_CYCLE = (0, 0, 1, 1)  # neither one-sided nor alternating, which would exclude participants


@dataclass(frozen=True)
class TrialFrame:
    """The part of a trial that does not depend on the task.

    order: where it was among the participant's trials. rt_ms, exposure_ms: None if unknown.
    """

    place: str
    participant: str
    order: float
    kind: str
    mode: str
    outcome: str
    presentation: str
    rt_ms: float | None
    exposure_ms: float | None


@dataclass(frozen=True)
class Judgment:
    """A judgment of one candidate. scale: `rank`, or the scale of a score."""

    slot: int
    image: str
    method: str
    scale: str
    value: float | None


@dataclass(frozen=True)
class Trial:
    """A trial. The fields from question to answer are empty in tasks without right answers.

    candidates: the number of images to be judged. judgments: empty in tasks with right answers.
    """

    frame: TrialFrame
    candidates: int
    presentation: str
    question: str = ""
    image: str = ""
    method: str = ""
    real_image: str = ""
    truth: str = ""
    answer: str = ""
    judgments: tuple[Judgment, ...] = ()


def assign_chosen_sides(participants: Sequence[str]) -> list[int]:
    """Return 0 or 1, the chosen side of each trial, if the table does not contain it.

    participants: of each trial. Each participant chooses both sides equally often.
    """
    seen = Counter[str]()
    sides = []
    for participant in participants:
        sides.append(SIDE_CYCLE[seen[participant] % len(SIDE_CYCLE)])
        seen[participant] += 1
    return sides


def read_frames(records: Records, column_map: ColumnMap, notes: Notes) -> list[TrialFrame]:
    """Return the frame of each record. Raises ConversionError."""
    times = {
        field: read_times(field, records.values(field), records.sources.get(field, ""), unit, notes)
        for field, unit in (("rt", column_map.rt_unit), ("exposure", column_map.exposure_unit))
        if records.values(field)
    }
    kinds = _read_words("kind", records, KIND_WORDS)
    modes = _read_words("mode", records, {mode: mode for mode in MODE_WORDS})
    ways = _read_words("presentation", records, {way: way for way in PRESENTATIONS})
    finished = read_yes_no("finished", records.values("finished"))
    positions = read_numbers("position", records.values("position"))
    frames = [
        TrialFrame(
            place=record.place,
            participant=record["participant"],
            order=positions.get(record["position"], float(row)),
            kind=kinds.get(record["kind"], "test"),
            mode=modes.get(record["mode"], "live"),
            outcome="complete" if finished.get(record["finished"], True) else "abandoned",
            presentation=ways.get(record["presentation"], PRESENTATIONS[0]),
            rt_ms=times.get("rt", {}).get(record["rt"]),
            exposure_ms=times.get("exposure", {}).get(record["exposure"]),
        )
        for row, record in enumerate(records.rows)
    ]
    _note_assumptions(records, notes)
    return frames


def _read_words(field: str, records: Records, known: Mapping[str, str]) -> dict[str, str]:
    meanings, meant = {}, list(dict.fromkeys(known.values()))
    for value in records.values(field):
        if value.casefold() not in known:
            raise ConversionError(
                f"{records.name}: {field} is {value!r}, expected {', '.join(meant)}; say what it "
                f"means with --code {field}:{value}={meant[0]}, or choose rows with --where"
            )
        meanings[value] = known[value.casefold()]
    return meanings


def _note_assumptions(records: Records, notes: Notes) -> None:
    if "finished" not in records.fields:
        notes.cautions.append("no column says who finished; everybody counts as complete")
    if "rt" not in records.fields:
        notes.cautions.append("no response times; rules about fast and slow answers do not apply")


def drop_unusable(records: Records, needed: tuple[str, ...], notes: Notes) -> Records:
    """Return the records that have a participant and the needed fields; count the others."""
    rows = records.rows
    for field in ("participant", *needed):
        if field not in records.fields:
            raise ConversionError(
                f"{records.name}: {field} is not known; name its column with --map {field}=COLUMN, "
                f"or take it from another column with --split COLUMN='{{{field}}}.png'"
            )
        kept = [record for record in rows if record[field]]
        if len(kept) < len(rows):
            notes.dropped[f"without {field}"] += len(rows) - len(kept)
        rows = kept
    if not rows:
        listed = " and ".join(("participant", *needed))
        raise ConversionError(f"{records.name}: no row has {listed}; check the columns")
    return replace(records, rows=rows)


def sort_trials(trials: list[Trial], records: Records, notes: Notes) -> list[list[Trial]]:
    """Return the trials of each participant, in the order in which they were shown."""
    by_participant = defaultdict[str, list[Trial]](list)
    for trial in trials:
        by_participant[trial.frame.participant].append(trial)
    _check_participants(by_participant)
    known = "position" in records.fields
    if known and _repeats_positions(by_participant):
        notes.cautions.append(
            "position has the same number twice for a participant; the order of the file is used"
        )
        known = False
    if not known and records.is_wide:
        notes.cautions.append(
            "the order of the trials is not known; ignore differences between earlier and later "
            "trials"
        )
    elif not known:
        notes.understood["position"] = "the order of the rows"
    return [
        sorted(own, key=lambda trial: trial.frame.order) if known else own
        for own in by_participant.values()
    ]


def _check_participants(by_participant: Mapping[str, list[Trial]]) -> None:
    for participant, own in by_participant.items():
        for field in ("mode", "outcome"):
            known = getattr(own[0].frame, field)
            for trial in own:
                if getattr(trial.frame, field) != known:
                    raise ConversionError(
                        f"{trial.frame.place}: participant {participant} is {known} in an earlier "
                        f"row and {getattr(trial.frame, field)} here; correct one of the rows"
                    )


def _repeats_positions(by_participant: Mapping[str, list[Trial]]) -> bool:
    return any(
        max(Counter(trial.frame.order for trial in own).values()) > 1
        for own in by_participant.values()
    )


def count_shown_again(sorted_trials: list[list[Trial]], notes: Notes) -> None:
    """Note how many trials show a participant the same images again."""
    again = sum(len(own) - len({_images(trial) for trial in own}) for own in sorted_trials)
    if again:
        notes.cautions.append(
            f"{count_noun(again, 'trial')} with the same images as an earlier trial of the "
            "participant; each counts as a trial of its own"
        )


def _images(trial: Trial) -> tuple[object, ...]:
    shown = tuple(sorted((one.image, one.method, one.scale) for one in trial.judgments))
    return trial.frame.kind, trial.image, trial.method, trial.real_image, shown
