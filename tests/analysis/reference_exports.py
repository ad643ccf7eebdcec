"""Exports of the reference answers, as `study export` would write them."""

import csv
from pathlib import Path

from analysis.inputs.judgments import JUDGMENT_COLUMNS
from tests.analysis.inference.task_data import METHODS, read_table
from tests.analysis.rows import Row, make_row, write_csv
from tests.analysis.studies import read_crossed_rows


def write_rates_export(folder: Path) -> Path:
    """Write the reference study on fooling rates; return its responses.csv."""
    return write_csv(folder / "responses.csv", read_crossed_rows())


def write_pairs_export(folder: Path) -> Path:
    """Write the 240 reference pairs; return their responses.csv."""
    trials = [
        (int(person), int(image), [(int(first), int(a)), (int(second), int(b))])
        for person, image, first, second, a, b in read_table("pairs").tolist()
    ]
    return _write_export(folder, "preference", trials)


def write_rankings_export(folder: Path) -> Path:
    """Write the 240 reference rankings of three; return their responses.csv."""
    trials = [
        (row[0], row[1], list(zip(row[2:5], row[5:8], strict=True)))
        for row in read_table("rankings").tolist()
    ]
    return _write_export(folder, "ranking", trials)


def write_ratings_export(folder: Path) -> Path:
    """Write the 360 reference ratings; return their responses.csv."""
    trials = [
        (int(person), int(image), [(int(method), int(score))])
        for person, image, method, score in read_table("ratings").tolist()
    ]
    return _write_export(folder, "rating", trials)


def _write_export(
    folder: Path, task: str, trials: list[tuple[int, int, list[tuple[int, int]]]]
) -> Path:
    """Write trials of (person, image, [(method, value) of each candidate])."""
    is_rating, rows = task == "rating", list[Row]()
    judgments: list[dict[str, object]] = []
    places: dict[int, int] = {}
    for person, image, candidates in trials:
        position = places[person] = places.get(person, -1) + 1
        rows.append(
            make_row(
                participant=f"p{person:02}", position=str(position), task=task, question="",
                candidates=str(len(candidates)), image="", method="", truth="", answer="",
                presentation="single" if is_rating else "simultaneous",
            )
            | {"real_image": ""}
        )  # fmt: skip
        judgments += [
            dict.fromkeys(JUDGMENT_COLUMNS, "")
            | {
                "study": "trees", "participant": f"p{person:02}", "mode": "live", "kind": "test",
                "position": position, "slot": slot, "image": f"i{image:02}",
                "method": METHODS[method], "scale": "quality" if is_rating else "rank",
                "score" if is_rating else "rank": value,
            }
            for slot, (method, value) in enumerate(candidates)
        ]  # fmt: skip
    with (folder / "judgments.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, JUDGMENT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(judgments)
    return write_csv(folder / "responses.csv", rows)


REFERENCE_EXPORTS = {
    "rates": write_rates_export,
    "pairs": write_pairs_export,
    "rankings": write_rankings_export,
    "ratings": write_ratings_export,
}
