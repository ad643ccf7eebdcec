"""Tests of reading the levels of the covariates that a plan declares."""

from pathlib import Path

import pytest

from analysis.inputs.covariates import read_covariates
from analysis.inputs.questionnaire import QuestionAnswers
from analysis.inputs.responses import Responses, ResponsesError
from analysis.inputs.sources import read_responses
from study_server.export.codebook import PARTICIPANT_COLUMNS
from tests.analysis.rows import make_row, write_csv

MANIFEST = (
    "image,method,file,tag_scene\n"
    "trees/a,real,a.png,indoor\ntrees/a,l2,b.png,indoor\ntrees/b,l2,c.png,\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write responses.csv with participants.csv and manifest.csv beside it."""
    (tmp_path / "participants.csv").write_text(
        f"{','.join(('study', 'participant', 'inputs', 'language', 'source'))}\n"
        "trees,p1,mouse touch,de-AT,link\ntrees,p2,mouse,en,prolific\ntrees,p3,,en-GB,link\n"
        "other,p4,mouse,fr,link\n",
        encoding="utf-8",
    )
    (tmp_path / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
    return write_csv(tmp_path / "responses.csv", [make_row()])


def read(source: Path, name: str, stimuli: Path | None = None) -> dict[str, str]:
    selected: Responses = read_responses(str(source))
    answers = {
        "age": QuestionAnswers("number", {"p1": "20", "p2": "30", "p3": "60", "p4": ""}),
        "expert": QuestionAnswers("choice", {"p1": "yes", "p2": ""}),
        "why": QuestionAnswers("text", {"p1": "because"}),
    }
    (covariate,) = read_covariates([name], str(source), selected, answers, stimuli)
    return dict(covariate.levels)


def test_columns_of_participants_have_levels(source: Path) -> None:
    assert read(source, "device") == {"p1": "touch screen", "p2": "mouse or keyboard"}
    assert read(source, "language") == {"p1": "de", "p2": "en", "p3": "en"}
    assert read(source, "source") == {"p1": "link", "p2": "prolific", "p3": "link"}
    assert {"inputs", "language", "source"} <= set(PARTICIPANT_COLUMNS)


def test_tags_of_the_manifest_are_levels_of_images(source: Path) -> None:
    assert read(source, "tag_scene", source.parent) == {"trees/a": "indoor"}


def test_choices_are_levels_and_numbers_are_split_at_the_median(source: Path) -> None:
    assert read(source, "expert") == {"p1": "yes"}
    assert read(source, "age") == {"p1": "up to 30", "p2": "up to 30", "p3": "above 30"}


def test_the_folder_of_an_image_is_a_level(source: Path) -> None:
    (folder,) = read_covariates(["folder"], str(source), read_responses(str(source)), {}, None)
    assert (folder.find_level("trees/a"), folder.find_level("a")) == ("trees", "no folder")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tag_scene", "column of manifest.csv; say where it is with --stimuli"),
        ("hair", "declares the covariate hair, but questionnaire.csv has no such question"),
        ("why", "the covariate why is free text, which has no levels; leave it out"),
    ],
)
def test_what_cannot_be_read_is_refused(source: Path, name: str, message: str) -> None:
    with pytest.raises(ResponsesError, match=message):
        read(source, name)


def test_a_missing_file_or_column_is_named(source: Path) -> None:
    with pytest.raises(ResponsesError, match=r"manifest.csv has no column tag_light"):
        read(source, "tag_light", source.parent)
    (source.parent / "manifest.csv").write_text(f"{MANIFEST}trees/a,mcl,d.png,outdoor\n")
    with pytest.raises(ResponsesError, match="rows of trees/a differ in tag_scene"):
        read(source, "tag_scene", source.parent)
    (source.parent / "participants.csv").unlink()
    with pytest.raises(ResponsesError, match=r"participants.csv is not beside the responses"):
        read(source, "device")


@pytest.mark.parametrize(
    "content",
    [
        b"study,participant,inputs\ntrees,p1",
        b"study,participant,inputs\ntrees,p1,mouse,2\n",
        b'study,participant,inputs\ntrees,p1,"mouse\n',
        b"study,participant,inputs\ntrees,p1,\xff\n",
    ],
)
def test_damaged_participants_are_refused(source: Path, content: bytes) -> None:
    (source.parent / "participants.csv").write_bytes(content)
    with pytest.raises(ResponsesError, match=r"participants.csv: .*; export the study again"):
        read(source, "device")


@pytest.mark.parametrize("content", [b"", b"image,method\n", b"image,method,file\na,b,\x81\n"])
def test_a_damaged_manifest_is_refused(source: Path, content: bytes) -> None:
    (source.parent / "manifest.csv").write_bytes(content)
    with pytest.raises(ResponsesError, match="not a stimulus manifest"):
        read(source, "tag_scene", source.parent)
