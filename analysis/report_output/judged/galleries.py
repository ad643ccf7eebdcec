"""Galleries of the images of each method that won or were rated most and least."""

from collections.abc import Iterator

from analysis.findings.judged_parts import list_scales
from analysis.formatting import ReportPart, format_count, format_number, format_percent
from analysis.report_output.galleries import (
    Gallery,
    GalleryTexts,
    StimulusFiles,
    build_gallery_rows,
)
from analysis.report_output.judged.numbers import format_bounds, format_value


def build_judged_galleries(report: ReportPart, stimulus_files: StimulusFiles) -> list[Gallery]:
    """Build a gallery for every method and scale: both ends of its ranking, or examples."""
    texts = choose_gallery_texts(report)
    galleries = []
    for ranking in report["image_rankings"]:
        method, scale = ranking["method"], ranking["scale"]
        entries = [
            image
            for image in report["images"]
            if (image["method"], image["scale"]) == (method, scale)
        ]
        rows = build_gallery_rows(entries, ranking["reliability"], texts, stimulus_files)
        galleries += [Gallery(method, rows, scale)] if rows else []
    return galleries


def choose_gallery_texts(report: ReportPart) -> GalleryTexts:
    """Return the texts of the galleries of ratings or of comparisons."""
    if list_scales(report):
        return GalleryTexts("shrunk", "Rated highest", "Rated lowest", _describe_score)
    return GalleryTexts("shrunk", "Won most often", "Won least often", _describe_wins)


def _describe_wins(entry: ReportPart) -> Iterator[str]:
    wins = entry["score"] * entry["judgments"]
    digits = 0 if abs(wins - round(wins)) < 0.05 else 1
    trials = format_count(entry["judgments"], "trial", "trials")
    yield f"won {format_number(wins, digits)} of {trials}"
    if entry["shrunk"] is not None:
        low, high = (format_percent(end, 0) for end in entry["ci95"])
        yield f"estimate {format_percent(entry['shrunk'], 0)}% ({low} to {high})"


def _describe_score(entry: ReportPart) -> Iterator[str]:
    name = "mean_opinion"
    score = format_value(name, entry["score"])
    yield f"{format_count(entry['judgments'], 'rating', 'ratings')}, mean {score}"
    if entry["shrunk"] is not None:
        bounds = format_bounds(name, entry["ci95"])
        yield f"estimate {format_value(name, entry['shrunk'])} ({bounds})"
