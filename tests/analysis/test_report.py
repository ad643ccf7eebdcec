"""The report command: its files, their reproducibility, and its error messages."""

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis.inputs.sources import read_responses
from analysis.report import report as report_command
from analysis.report_files import make_report
from benchmarks.report import TRIALS, write_responses
from tests.analysis.rows import Row, make_row, make_study, write_csv
from tests.analysis.shell import run_here

FIGURES = ("rates", "differences", "images", "people", "times", "flow")
FILES = {
    *("report.html", "report.json", "rates.csv", "differences.csv", "participants.csv"),
    *("images.csv", "exclusions.csv", "tables.tex"),
    *("subgroups.csv", "subgroup_differences.csv", "learning.csv"),
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
}
SCRIPT = Path(__file__).parents[2] / "analysis" / "report.py"


def written(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_here(report_command, *arguments)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the reference set as a live study."""
    return write_csv(tmp_path_factory.mktemp("study") / "responses.csv", make_study())


@pytest.fixture(scope="module")
def report(study: Path) -> Path:
    """Write the study's report; return its folder."""
    make_report(read_responses(str(study)), study.parent / "report")
    return study.parent / "report"


@pytest.mark.slow(2)
def test_the_report_gives_the_reference_numbers(report: Path) -> None:
    numbers = json.loads((report / "report.json").read_text())
    mcl = numbers["methods"]["mcl"]
    assert (mcl["fooled"], mcl["trials"], mcl["participants"], mcl["images"]) == (162, 520, 40, 184)
    assert mcl["ci95"] == pytest.approx([0.2617935061, 0.3660486977], abs=1e-9)
    assert [pair["p_holm"] for pair in numbers["differences"]] == pytest.approx(
        [0.0208644334, 0.0208644334, 0.7680756896], abs=1e-9
    )
    assert numbers["input"]["mode"] == "live"


def test_the_page_agrees_with_the_numbers(report: Path) -> None:
    page = (report / "report.html").read_text().replace("\u202f", " ")
    lead = "MCL fooled people on 31% of trials (95% CI 26 to 37): below the 50% of a perfect fake;"
    assert f"{lead} significantly more often than L2 (by 8 points)." in page
    higher = "The fooling rate of MCL is significantly higher than that of L2: L2 − MCL is −7.9"
    assert f"{higher} points (95% CI −13.9 to −2.0; p\u00a0=\u00a0.021)." in page
    assert "SIMULATED" not in page


def test_the_tables_hold_the_rates_and_differences(report: Path) -> None:
    with (report / "rates.csv").open(newline="") as file:
        rates = {row["method"]: row for row in csv.DictReader(file)}
    with (report / "differences.csv").open(newline="") as file:
        differences = [(row["a"], row["b"]) for row in csv.DictReader(file)]
    assert float(rates["mcl"]["ci95_low"]) == pytest.approx(0.2617935061)
    assert differences == [("l2", "mcl"), ("l2", "zhang2016"), ("mcl", "zhang2016")]


@pytest.mark.slow(4)
def test_the_same_input_gives_the_same_bytes(study: Path, report: Path, tmp_path: Path) -> None:
    make_report(read_responses(str(study)), tmp_path)
    assert written(tmp_path) == written(report)
    assert set(written(tmp_path)) == FILES


class Outline(HTMLParser):
    """Collects headings, and everything that a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        values = [value or "" for key, value in attrs if key in ("src", "href", "xlink:href")]
        self.fetched += [value for value in values if not value.startswith("#")]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "object", "img") else []


def test_the_page_is_self_contained_with_headings_in_order(report: Path) -> None:
    page = (report / "report.html").read_text()
    outline = Outline()
    outline.feed(page)
    assert outline.fetched == []
    assert not re.search(r"@import|url\((?!#)", page)
    assert outline.headings[0] == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)


@pytest.mark.slow(4)
def test_simulated_participants_are_labeled_on_page_and_figures(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", make_study(mode="simulated"))
    said = make_report(read_responses(str(path)), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("<strong>SIMULATED.</strong>") < page.index("<h1>")
    assert '<div class="watermark" aria-hidden="true">SIMULATED</div>' in page
    assert "SIMULATED" in (tmp_path / "out" / "figures" / "rates.svg").read_text()
    assert "fooled simulated participants" in said[0]


@pytest.mark.slow(5)
def test_the_command_writes_the_report_and_prints_its_path(study: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(study), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("report.html\n")
    assert set(written(tmp_path / "out")) == FILES


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"answer": "middle"}, [], "line 2: answer is 'middle'"),
        ({"truth": ""}, [], "--unblind"),
        ({}, ["--study", "faces"], "no study 'faces'"),
        ({}, ["--mode", "dead"], "--mode"),
        ({}, ["--nonsense"], "--nonsense"),
    ],
)
def test_an_error_is_one_line_with_exit_code_2_and_writes_nothing(
    tmp_path: Path, changes: Row, options: list[str], message: str
) -> None:
    path = write_csv(tmp_path / "r.csv", [make_row(**changes)])
    done = run(path, "--out", tmp_path / "out", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow(0.3)
def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [make_row()])
    done = run(path, "--out", path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def make_crossed(**l2_changes: str) -> list[Row]:
    """Make rows of six people and six images, half by each method; l2_changes: applied to L2."""
    methods: list[Row] = [{"method": "mcl"}, {"method": "l2", **l2_changes}]
    return [
        make_row(
            participant=f"p{person}",
            position=str(image),
            image=f"i{image}",
            truth="left" if person % 3 else "right",
        )
        | methods[image % 2]
        for person in range(6)
        for image in range(6)
    ]


def make_single() -> list[Row]:
    """Make rows of six people who rate three photographs and three fakes, with a bias to `fake`."""
    return [
        make_row(
            participant=f"p{person}",
            position=str(position),
            presentation="single",
            image=f"i{position // 2}",
            method=("real", "mcl")[position % 2],
            real_image="",
            truth=("real", "fake")[position % 2],
            answer="fake" if (person + position) % 3 else "real",
        )
        for person in range(6)
        for position in range(6)
    ]


EDGES = {
    "single images": make_single(),
    "nobody fooled": [make_row(participant=f"p{i}", answer="left") for i in range(5)],
    "everybody fooled": [make_row(participant=f"p{i}", image=f"i{i}") for i in range(5)],
    "one trial": [make_row()],
    "one person": [row for row in make_crossed() if row["participant"] == "p1"],
    "one image": [row for row in make_crossed() if row["image"] == "i0"],
    "no test trials": [make_row(kind="practice")],
    "nothing answered": [make_row(answer="")],
    "nobody completed": [make_row(outcome="abandoned")],
    "one method never fools": make_crossed(answer="left", truth="left"),
    "one method was never answered": make_crossed(answer=""),
}


@pytest.mark.slow(0.4)
@pytest.mark.parametrize("rows", EDGES.values(), ids=EDGES)
def test_an_edge_case_yields_a_report(tmp_path: Path, rows: list[Row]) -> None:
    make_report(read_responses(str(write_csv(tmp_path / "r.csv", rows))), tmp_path / "out")
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    for rate in numbers["methods"].values():
        assert rate["flags"]
    assert "None" not in (tmp_path / "out" / "report.html").read_text()


def test_single_images_have_error_rates_and_no_chance_level(tmp_path: Path) -> None:
    make_report(read_responses(str(write_csv(tmp_path / "r.csv", make_single()))), tmp_path / "out")
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(numbers["methods"]) == ["mcl"]
    mcl = numbers["methods"]["mcl"]
    assert (mcl["fooled"], mcl["trials"]) == (6, 18)
    assert (mcl["error"]["fooled"], mcl["error"]["trials"]) == (18, 36)
    assert mcl["vs_chance"] == {"t": None, "df": None, "p": None, "p_holm": None}
    assert mcl["d_prime"] is not None
    assert "chance" not in (tmp_path / "out" / "figures" / "rates.svg").read_text()


def test_the_study_of_the_benchmark_can_be_read(tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.csv", people=2)
    responses = read_responses(str(tmp_path / "responses.csv"))
    assert len(responses) == TRIALS // 2 + TRIALS  # the first gives up half way
