"""The page of a published study, which opens from disk: results, images and method."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.formatting import ReportPart
from analysis.inputs.manifest_table import read_manifest_table
from analysis.report_output.captions import describe_figure_for_screen_readers
from analysis.report_output.galleries import RATE_TEXTS, REAL_METHOD, GalleryTexts
from analysis.report_output.judged.captions import describe_judged_figure
from analysis.report_output.judged.galleries import choose_gallery_texts
from analysis.report_output.judged.methods_section import (
    format_judged_methods_section,
    list_judged_references,
)
from analysis.report_output.judged.sentences import list_findings
from analysis.report_output.methods_section import format_methods_section, list_references
from analysis.report_output.page import make_environment
from analysis.report_output.sentences import format_rate_sentence
from analysis.tasks.catalog import JUDGED_TASKS, TASKS_WITH_TRUTH

STIMULI_FOLDER, REPORT_FOLDER = "stimuli", "report"
MAIN_FIGURES = ("rates", "differences", "shares", "strengths", "scores")
WEB_ADDRESSES = ("https://", "http://")


@dataclass(frozen=True)
class ImageOfMethod:
    """An image of the explorer. url: relative to the page or on the web, None if not published.

    value: the estimate to sort by, None without one. lines: what people said of the image.
    """

    method: str
    url: str | None
    value: float | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class SourceImage:
    """A source image with what was made of it, the photograph first."""

    name: str
    images: Sequence[ImageOfMethod]

    @property
    def values(self) -> dict[str, float | None]:
        """The estimate of each method, by which the page orders the images."""
        return {one.method: one.value for one in self.images if one.lines}


def render_publication_page(folder: Path, report: ReportPart, description: ReportPart) -> str:
    """Render index.html of the published study in `folder`.

    report: the contents of report.json. description: those of dataset_description.json.
    """
    is_judged = report["task"] not in TASKS_WITH_TRUTH
    texts = choose_gallery_texts(report) if is_judged else RATE_TEXTS
    sources = collect_images(folder, report, texts)
    return (
        make_environment(Path(__file__).parent)
        .get_template("publication.html.j2")
        .render(
            report=report,
            description=description,
            findings=list_findings(report)
            if is_judged
            else [format_rate_sentence(method, report) for method in report["methods"]],
            sources=sources,
            has_images=any(one.url for source in sources for one in source.images),
            methods=sorted({method for source in sources for method in source.values}),
            figures=list(_iterate_figures(folder, report, is_judged)),
            **_write_method(report, is_judged),
        )
    )


def _iterate_figures(folder: Path, report: ReportPart, is_judged: bool) -> Iterator[dict[str, str]]:
    """Yield the main figures of the report, and their alternative texts, in MAIN_FIGURES' order."""
    describe = describe_judged_figure if is_judged else describe_figure_for_screen_readers
    for name in MAIN_FIGURES:
        for file in sorted((folder / REPORT_FOLDER / "figures").glob(f"{name}*.svg")):
            title, alt = describe(file.stem, report)
            yield {"file": f"{REPORT_FOLDER}/figures/{file.name}", "alt": f"{title}. {alt}"}


def collect_images(folder: Path, report: ReportPart, texts: GalleryTexts) -> list[SourceImage]:
    """Return every source image that somebody judged, by name."""
    urls = {
        (row["image"], row["method"]): _find_url(folder, row["file"])
        for row in read_manifest_table(folder / STIMULI_FOLDER)
    }
    said: dict[tuple[str, str], list[ReportPart]] = {}
    for entry in report["images"]:
        said.setdefault((entry["image"], entry["method"]), []).append(entry)
    names = sorted({image for image, _ in said})
    return [SourceImage(name, list(_iterate_images(name, urls, said, texts))) for name in names]


def _iterate_images(
    source: str,
    urls: Mapping[tuple[str, str], str | None],
    said: Mapping[tuple[str, str], list[ReportPart]],
    texts: GalleryTexts,
) -> Iterator[ImageOfMethod]:
    methods = {method for image, method in (*urls, *said) if image == source}
    for method in sorted(methods, key=lambda name: (name != REAL_METHOD, name)):
        entries = said.get((source, method), [])
        if entries or method == REAL_METHOD:
            yield ImageOfMethod(
                method,
                urls.get((source, method)),
                next((entry[texts.key] for entry in entries), None),
                tuple(line for entry in entries for line in _describe(entry, texts)),
            )


def _describe(entry: ReportPart, texts: GalleryTexts) -> Iterator[str]:
    scale = entry.get("scale")
    yield from (f"{scale}: {line}" if scale else line for line in texts.describe(entry))


def _find_url(folder: Path, file: str) -> str | None:
    """Return the address of an image for the page, or None if the image was not published."""
    if file.startswith(WEB_ADDRESSES):
        return file
    return f"{STIMULI_FOLDER}/{file}" if (folder / STIMULI_FOLDER / file).is_file() else None


def _write_method(report: ReportPart, is_judged: bool) -> dict[str, Any]:
    if is_judged:
        task = JUDGED_TASKS[report["task"]]
        return {
            "method": format_judged_methods_section(report, task),
            "references": list_judged_references(report, task),
        }
    return {"method": format_methods_section(report), "references": list_references(report)}
