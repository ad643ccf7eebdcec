"""Read trials of real or fake: single images, or pairs of a fake and a photograph."""

from collections.abc import Sequence

from analysis.conversion.notes import ConversionError, Notes, count_noun
from analysis.conversion.records import Record, Records
from analysis.conversion.slots import is_tie, read_slots
from analysis.conversion.trials import ASSIGNED_SIDES, Trial, TrialFrame, assign_chosen_sides
from analysis.conversion.values import (
    has_unknown_words,
    name_methods,
    read_real_fake_words,
    read_yes_no,
)

REAL_METHOD, SIDES = "real", ("left", "right")
OTHER = {"left": "right", "right": "left", "real": "fake", "fake": "real"}


def read_trials(
    task: str, records: Records, frames: Sequence[TrialFrame], assign_sides: bool, notes: Notes
) -> list[Trial]:
    """Return the trials: pairs if there is a question or two methods, single images otherwise.

    assign_sides: whether to assign the sides of pairs if the table does not tell them.
    """
    names_sides = {value.casefold() for value in records.values("truth")} & set(SIDES)
    is_pair = bool(records.fields & {"question", "method2", "real_image"} or names_sides)
    notes.understood["task"] = f"{task}, {'pairs' if is_pair else 'single images'}"
    if is_pair:
        return _read_pairs(records, frames, assign_sides, notes)
    return _read_single_images(records, frames, notes)


def _read_single_images(
    records: Records, frames: Sequence[TrialFrame], notes: Notes
) -> list[Trial]:
    methods = name_methods(records.values("method"), notes, has_photographs=True)
    truths = _read_single_truth(records, methods, notes)
    answers = _read_single_answers(records, truths, notes)
    trials = []
    for record, frame, truth, answer in zip(records.rows, frames, truths, answers, strict=True):
        method = methods.get(record["method"], "")
        if truth == "fake" and method in ("", REAL_METHOD):
            raise ConversionError(
                f"{record.place}: a fake has the method {record['method']!r}; name the method with "
                "--map method=COLUMN or --set method=NAME"
            )
        trials.append(
            Trial(
                frame, 1, "single",
                image=record["image"],
                method=REAL_METHOD if truth == "real" else method,
                truth=truth,
                answer=answer,
                question="fake",
            )
        )  # fmt: skip
    photographs = truths.count("real")
    notes.understood["photographs"] = f"{count_noun(photographs, 'trial')} of {len(trials):,}"
    if not photographs:
        notes.cautions.append("no photographs were shown; d′ and the criterion are not defined")
    return trials


def _read_single_truth(records: Records, methods: dict[str, str], notes: Notes) -> list[str]:
    """Return `real` or `fake` for each record, from truth or from the method."""
    if "truth" not in records.fields:
        if "method" not in records.fields:
            raise ConversionError(
                f"{records.name}: cannot tell which images are fake; name a column with --map "
                "truth=COLUMN or --map method=COLUMN"
            )
        return [
            "real" if methods.get(record["method"]) == REAL_METHOD else "fake"
            for record in records.rows
        ]
    column = records.sources.get("truth", "")
    meanings = read_real_fake_words("truth", records.values("truth"), column, notes)
    for record in records.rows:
        if not record["truth"]:
            raise ConversionError(f"{record.place}: truth is missing; fill it in or remove the row")
        if methods.get(record["method"]) == REAL_METHOD and meanings[record["truth"]] == "fake":
            raise ConversionError(
                f"{record.place}: truth is {record['truth']!r}, but the method is "
                f"{record['method']!r}; correct one of them"
            )
    return [meanings[record["truth"]] for record in records.rows]


def _read_single_answers(records: Records, truths: list[str], notes: Notes) -> list[str]:
    """Return `real` or `fake` for each record, empty without an answer."""
    has_answer, has_correct = ("answer" in records.fields, "correct" in records.fields)
    column = records.sources.get("answer", "")
    if has_answer and not (has_correct and has_unknown_words(records.values("answer"), column)):
        meanings = read_real_fake_words("answer", records.values("answer"), column, notes)
        return [meanings.get(record["answer"], "") for record in records.rows]
    correct = _read_correct(records)
    notes.understood["correct"] = "a correct answer equals truth, a wrong one does not"
    return [
        _choose(truth, correct.get(record["correct"]), record["answer"] or not has_answer)
        for record, truth in zip(records.rows, truths, strict=True)
    ]


def _choose(truth: str, is_right: bool | None, is_answered: object) -> str:
    """Return the answer; some programs count a missing answer as wrong."""
    if is_right is None or not is_answered:
        return ""
    return truth if is_right else OTHER[truth]


def _read_correct(records: Records) -> dict[str, bool]:
    if "correct" not in records.fields:
        raise ConversionError(
            f"{records.name}: answer is not known; name its column with --map answer=COLUMN or "
            "--map correct=COLUMN"
        )
    return read_yes_no("correct", records.values("correct"))


def _read_pairs(
    records: Records, frames: Sequence[TrialFrame], assign_sides: bool, notes: Notes
) -> list[Trial]:
    questions = set(records.values("question"))
    if not questions or not questions <= {"fake", "real"}:
        raise ConversionError(
            f"{records.name}: cannot tell whether the fake or the real image of a pair had to be "
            "chosen; set it with --set question=fake or --set question=real"
        )
    names = sorted(
        {record[field] for record in records.rows for field in ("method", "method1", "method2")}
        - {""}
    )
    methods = name_methods(names, notes, has_photographs=True)
    sides = _read_sides(records, methods, assign_sides, notes)
    trials = [
        _build_pair(record, frame, methods, side)
        for record, frame, side in zip(records.rows, frames, sides, strict=True)
    ]
    notes.understood["question"] = f"people chose the {' or '.join(sorted(questions))} image"
    return trials


def _build_pair(
    record: Record, frame: TrialFrame, methods: dict[str, str], side: tuple[str, str]
) -> Trial:
    truth, answer = side
    fake = record["method"] or record[f"method{SIDES.index(truth) + 1}"]
    method = methods.get(fake, "")
    if method in ("", REAL_METHOD):
        raise ConversionError(
            f"{record.place}: the fake of the pair has the method {fake!r}; name the method of the "
            "fake with --map method=COLUMN or --set method=NAME"
        )
    return Trial(
        frame, 2, frame.presentation,
        question=record["question"],
        image=record["image"],
        method=method,
        real_image=record["real_image"] or record["image"],
        truth=truth,
        answer=answer,
    )  # fmt: skip


def _read_sides(
    records: Records, methods: dict[str, str], assign_sides: bool, notes: Notes
) -> list[tuple[str, str]]:
    """Return the fake's side and the chosen side of each pair; the latter empty if missing."""
    named = [field for field in ("truth", "answer") if field in records.fields]
    correct = _read_correct(records) if "correct" in records.fields or not named else {}
    if not named:
        return _assign_sides(records, correct, assign_sides, notes)
    _refuse_ties(records)
    shown = [[record["method1"], record["method2"]] for record in records.rows]
    chosen = [
        {field: SIDES[slot] for field, slot in said.items() if slot is not None}
        for said in read_slots(named, records, shown, notes)
    ]
    return [
        _complete(record, sides, methods, correct.get(record["correct"]))
        for record, sides in zip(records.rows, chosen, strict=True)
    ]


def _assign_sides(
    records: Records, correct: dict[str, bool], assign_sides: bool, notes: Notes
) -> list[tuple[str, str]]:
    """Assign the chosen sides; whether an answer was right gives the fakes' sides."""
    if not assign_sides:
        raise ConversionError(
            f"{records.name}: cannot tell the sides of the pairs; name the columns of the chosen "
            "side and of the fake's side with --map answer=COLUMN --map truth=COLUMN, or assign "
            "them with --assign-sides"
        )
    notes.cautions.append(ASSIGNED_SIDES)
    chosen = assign_chosen_sides([record["participant"] for record in records.rows])
    sides = []
    for record, slot in zip(records.rows, chosen, strict=True):
        is_right, side = correct.get(record["correct"]), SIDES[slot]
        sides.append((side, "") if is_right is None else (_turn(record, side, is_right), side))
    return sides


def _turn(record: Record, side: str, is_right: bool) -> str:
    """Return the chosen side from the fake's side, or the other way round."""
    return side if is_right == (record["question"] == "fake") else OTHER[side]


def _refuse_ties(records: Records) -> None:
    for record in records.rows:
        if is_tie(record["answer"]):
            raise ConversionError(
                f"{record.place}: answer is {record['answer']!r}, but one image of a pair has to "
                "be chosen; remove such rows with --where, or convert with --task preference"
            )


def _complete(
    record: Record, sides: dict[str, str], methods: dict[str, str], is_right: bool | None
) -> tuple[str, str]:
    """Return truth and answer; what is missing follows from the methods, or from `correct`."""
    truth, answer = sides.get("truth", ""), sides.get("answer", "")
    if not truth and record["method1"]:
        truth = _find_fake(record, methods)
    if is_right is not None and bool(truth) != bool(answer):
        known = truth or answer
        other = _turn(record, known, is_right)
        truth, answer = truth or other, answer or other
    if not truth:
        raise ConversionError(
            f"{record.place}: cannot tell the fake's side; name a column with --map truth=COLUMN, "
            "--map correct=COLUMN, or both methods with --map method1=COLUMN --map method2=COLUMN"
        )
    return truth, answer


def _find_fake(record: Record, methods: dict[str, str]) -> str:
    is_real = [methods.get(record[field]) == REAL_METHOD for field in ("method1", "method2")]
    if is_real.count(True) != 1:
        raise ConversionError(
            f"{record.place}: the methods are {record['method1']!r} and {record['method2']!r}, "
            "expected one photograph ('real'); mark its method with --code method:NAME=real"
        )
    return SIDES[is_real.index(False)]
