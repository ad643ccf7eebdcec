"""The design and the stimuli of a responses file are found near it, if they are its own."""

import hashlib
import json
from pathlib import Path

import pytest

from analysis.inputs.design import DesignError, read_design
from analysis.inputs.nearby_files import find_design, find_stimuli
from analysis.inputs.responses import Responses
from analysis.inputs.sources import read_responses
from tests.analysis.people import make_person
from tests.analysis.rows import write_csv


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "responses.csv", make_person("p1"))


@pytest.fixture
def responses(source: Path) -> Responses:
    return read_responses(str(source))


def write_design(folder: Path, study: str, manifest: bytes = b"") -> Path:
    design = {
        "schema": "hue-and-eye/design/1", "study": study, "protocol": {}, "plan": {},
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }  # fmt: skip
    (folder / "design.json").write_text(json.dumps(design))
    return folder / "design.json"


def write_manifest(folder: Path, images: list[str]) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["image,method,file", *(f"{image},real,real/{image}.png" for image in images)]
    (folder / "manifest.csv").write_text("\n".join(lines))
    return (folder / "manifest.csv").read_bytes()


def test_the_design_beside_the_responses_is_found(source: Path, responses: Responses) -> None:
    study = responses.distinct("study")[0]
    assert find_design(source, responses, None) is None
    path = write_design(source.parent, study)
    assert find_design(source, responses, None) == path
    assert find_design(source, responses, study) == path


def test_a_draft_is_used_until_there_is_a_frozen_design(source: Path, responses: Responses) -> None:
    study = responses.distinct("study")[0]
    design = write_design(source.parent, study)
    draft = source.with_name("draft.json")
    draft.write_text(design.read_text().replace("/design/", "/draft/"))
    assert find_design(source, responses, None) == design
    assert read_design(design).is_frozen
    design.unlink()
    assert find_design(source, responses, None) == draft
    assert not read_design(draft).is_frozen


def test_the_design_of_another_study_is_not_used(source: Path, responses: Responses) -> None:
    write_design(source.parent, "another")
    assert find_design(source, responses, None) is None


def test_a_broken_design_beside_the_responses_is_an_error(
    source: Path, responses: Responses
) -> None:
    source.with_name("design.json").write_text("{")
    with pytest.raises(DesignError, match=r"design\.json"):
        find_design(source, responses, None)


@pytest.mark.parametrize("place", [".", "outputs", "..", "../outputs"])
def test_stimuli_near_the_responses_are_found(
    source: Path, responses: Responses, place: str
) -> None:
    folder = (source.parent / place).resolve()
    write_manifest(folder, responses.distinct("image"))
    found = find_stimuli(source, responses, None)
    (folder / "manifest.csv").unlink()
    assert found is not None
    assert found.resolve() == folder


def test_a_manifest_without_some_image_of_the_responses_is_not_used(
    source: Path, responses: Responses
) -> None:
    write_manifest(source.parent, responses.distinct("image")[1:])
    assert find_stimuli(source, responses, None) is None


def test_with_a_design_only_its_own_manifest_is_used(source: Path, responses: Responses) -> None:
    images = responses.distinct("image")
    manifest = write_manifest(source.parent, images)
    design = read_design(write_design(source.parent, "s", manifest))
    assert find_stimuli(source, responses, design) == source.parent
    write_manifest(source.parent, [*images, "one-more"])
    assert find_stimuli(source, responses, design) is None
