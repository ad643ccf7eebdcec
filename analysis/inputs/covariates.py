"""The covariates that a plan declares: variables of people or of images, with their levels.

`device`, `language` and `source` come from participants.csv beside the responses; `folder` from the
IDs of the images; names that begin with `tag_` from columns of manifest.csv; all others are
questions of the study, whose answers are in questionnaire.csv.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from analysis.inputs.companion_tables import companion_file
from analysis.inputs.manifest_table import MANIFEST_FILE, read_manifest_table
from analysis.inputs.parquet.files import SUFFIX, read_text_table
from analysis.inputs.questionnaire import Questionnaire
from analysis.inputs.responses import HasDistinct, ResponsesError

PARTICIPANTS_FILE = "participants.csv"
PARTICIPANT_COLUMNS = {"device": "inputs", "language": "language", "source": "source"}
FOLDER, TAG_PREFIX = "folder", "tag_"
TOUCH_INPUTS = {"touch", "pen"}


@dataclass(frozen=True)
class Covariate:
    """A declared variable. levels: by participant or by image; those without one are missing."""

    name: str
    unit: Literal["participant", "image"]
    levels: Mapping[str, str]

    def find_level(self, unit: str) -> str | None:
        """Return the level of a participant or an image, None if it has none."""
        if self.name == FOLDER:
            return unit.rpartition("/")[0] or "no folder"
        return self.levels.get(unit)


def read_covariates(
    names: Sequence[str],
    source: str,
    selected: HasDistinct,
    questionnaire: Questionnaire,
    stimuli: Path | None,
) -> tuple[Covariate, ...]:
    """Read the levels of the declared covariates.

    source: the file of the responses, or a database, beside which there is no participants.csv.
    selected: the responses of one study. stimuli: the folder of manifest.csv.
    Raises ResponsesError if a covariate cannot be read.
    """
    return tuple(_read_covariate(name, source, selected, questionnaire, stimuli) for name in names)


def _read_covariate(
    name: str,
    source: str,
    selected: HasDistinct,
    questionnaire: Questionnaire,
    stimuli: Path | None,
) -> Covariate:
    if name in PARTICIPANT_COLUMNS:
        return Covariate(name, "participant", _read_participants(name, source, selected))
    if name == FOLDER:
        return Covariate(name, "image", {})
    if name.startswith(TAG_PREFIX):
        return Covariate(name, "image", _read_tags(name, stimuli))
    return Covariate(name, "participant", _read_answers(name, questionnaire))


def _read_participants(name: str, source: str, selected: HasDistinct) -> dict[str, str]:
    path, column = companion_file(Path(source), PARTICIPANTS_FILE), PARTICIPANT_COLUMNS[name]
    if "://" in source or not path.is_file():
        raise ResponsesError(
            f"{PARTICIPANTS_FILE} is not beside the responses, but the plan declares the covariate "
            f"{name}; use the folder that `study export` wrote"
        )
    try:
        rows = _read_rows(path)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ResponsesError(f"{PARTICIPANTS_FILE}: {error}; export the study again") from error
    missing = {"study", "participant", column} - set(rows[0] if rows else ())
    if missing:
        raise ResponsesError(
            f"{PARTICIPANTS_FILE}: no column {min(missing)}; export the study again"
        )
    if any(None in row or None in row.values() for row in rows):  # more or fewer cells
        raise ResponsesError(
            f"{PARTICIPANTS_FILE}: a row has not one value for each column; the file was truncated "
            "or edited; export the study again"
        )
    studies = selected.distinct("study")
    levels = {
        row["participant"]: _simplify(name, row[column]) for row in rows if row["study"] in studies
    }
    return {participant: level for participant, level in levels.items() if level}


def _read_rows(path: Path) -> list[dict[str, str]]:
    if path.suffix == SUFFIX:
        rows: list[dict[str, str]] = read_text_table(path).to_pylist()
        return rows
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _simplify(name: str, value: str) -> str:
    """Return the level of a participant: the kind of device, or a language without its region."""
    if name == "device" and value:
        return "touch screen" if TOUCH_INPUTS & set(value.split()) else "mouse or keyboard"
    return value.partition("-")[0] if name == "language" else value


def _read_tags(name: str, stimuli: Path | None) -> dict[str, str]:
    if stimuli is None:
        raise ResponsesError(
            f"the plan declares the covariate {name}, a column of {MANIFEST_FILE}; say where it is "
            "with --stimuli"
        )
    levels: dict[str, str] = {}
    for row in read_manifest_table(stimuli):
        if name not in row:
            raise ResponsesError(
                f"{MANIFEST_FILE} has no column {name}, which the plan declares as a covariate; "
                "use the manifest that was imported"
            )
        if levels.setdefault(row["image"], row[name]) != row[name]:
            raise ResponsesError(
                f"{MANIFEST_FILE}: the rows of {row['image']} differ in {name}; give all stimuli "
                "of an image the same tag"
            )
    return {image: level for image, level in levels.items() if level}


def _read_answers(name: str, questionnaire: Questionnaire) -> dict[str, str]:
    """Return the choices; numbers become two groups, up to the median and above."""
    if name not in questionnaire:
        raise ResponsesError(
            f"the plan declares the covariate {name}, but questionnaire.csv has no such question; "
            "use the folder that `study export` wrote"
        )
    answers = questionnaire[name]
    if answers.type == "text":
        raise ResponsesError(
            f"the covariate {name} is free text, which has no levels; leave it out"
        )
    if answers.type == "choice":
        return answers.given()
    numbers = answers.numbers()
    if not numbers:
        return {}
    middle = median(numbers.values())
    return {
        participant: f"up to {middle:g}" if number <= middle else f"above {middle:g}"
        for participant, number in numbers.items()
    }
