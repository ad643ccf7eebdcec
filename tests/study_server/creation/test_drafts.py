"""A draft is created without stimuli, gets them all or none, and keeps what fits."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from study_server.creation.drafts import create_draft, suggest_slug
from study_server.creation.replacement import refit_wording
from study_server.creation.stimulus_import import AuditRefusedError, import_from, import_with_report
from study_server.creation.stimulus_table import count_by_method, count_images, list_images
from study_server.errors import StudyError
from study_server.participants import enrollment
from study_server.participants.enrollment import NoStimuliError
from study_server.protocol.model import parse_stored_protocol
from study_server.settings import Settings
from study_server.stimuli.audit_report import read_audit_report
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import AcceptedWarning, Participant, Stimulus, Study, Wording
from study_server.storage.plan_counts import find_differences
from study_server.studies.design import AnalysisPlan, assemble_design, freeze_study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState, WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import load_wording
from tests.study_server.creation.zips import Names, read_names, write_zip


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(database_url=database_url, instance_folder=tmp_path / "instance")


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return read_names(tmp_path / "images", 30)


@pytest.fixture
def draft(engine: Engine) -> Engine:
    """Return the database with a draft called faces that has no stimuli."""
    with write_transaction(engine) as db:
        create_draft(db, "faces", "Which face is fake?", "within", ["en", "de"])
    return engine


def bring(engine: Engine, settings: Settings, source: Path, **reasons: str) -> str:
    return import_from(engine, settings, "faces", source, reasons=reasons).describe()


def enroll(engine: Engine, mode: Mode) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "faces")
        enrollment.enroll_participant(db, study, f"person {mode}", mode, RecruitmentSource.LINK)


def left_in(settings: Settings) -> list[str]:
    """Return the names of the uploads, and of the folders of stimuli."""
    folders = (settings.uploads_folder, settings.stimuli_folder)
    return [path.name for folder in folders if folder.exists() for path in folder.iterdir()]


def test_a_draft_has_the_wording_and_the_protocol_of_its_preset(draft: Engine) -> None:
    with read_session(draft) as db:
        study = find_study(db, "faces")
        protocol = parse_stored_protocol(study.protocol)
        assert (study.state, study.has_stimuli, study.title) == (
            StudyState.DRAFT, False, "Which face is fake?",
        )  # fmt: skip
        assert (protocol.preset, protocol.languages) == ("within", ("en", "de"))
        assert load_wording(db, study) == compose_wording(protocol)


@pytest.mark.parametrize(
    ("slug", "preset", "languages", "message"),
    [
        ("Faces!", "within", ["en"], "slug"),
        ("faces", "within", ["en"], "a study 'faces' already exists"),
        ("other", "zhang", ["en"], "'zhang' is not a preset"),
        ("other", "within", ["xx"], "'xx' is not available"),
        ("other", "within", [], "languages: "),
    ],
)
def test_values_that_are_not_valid_create_nothing(
    slug: str, preset: str, languages: list[str], message: str, draft: Engine
) -> None:
    with pytest.raises(StudyError, match=message), write_transaction(draft) as db:
        create_draft(db, slug, "Title", preset, languages)
    with read_session(draft) as db:
        assert db.scalar(select(func.count()).select_from(Study)) == 1


def test_a_suggested_slug_is_free_and_valid(draft: Engine) -> None:
    with write_transaction(draft) as db:
        assert suggest_slug(db, "Faces!") == "faces-2"
        assert suggest_slug(db, "  Wälder & Wiesen ") == "w-lder-wiesen"
        assert suggest_slug(db, "???") == "study"
        create_draft(db, suggest_slug(db, "x" * 200), "", "within", ["en"])


def test_nobody_can_take_part_before_there_are_stimuli(draft: Engine) -> None:
    for mode in Mode:
        with pytest.raises(NoStimuliError):
            enroll(draft, mode)
    with (
        pytest.raises(StudyError, match="has no stimuli yet; upload them on its page, or run"),
        write_transaction(draft) as db,
    ):
        freeze_study(db, find_study(db, "faces"), AnalysisPlan(), "0")


def test_a_zip_gives_a_draft_its_stimuli_and_methods(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "faces.zip", names)
    message = bring(draft, settings, archive)
    assert message.startswith("90 stimuli of 30 images are stored; method l2. The images allow ")
    with read_session(draft) as db:
        study = find_study(db, "faces")
        assert study.has_stimuli
        assert study.revision == 1
        assert parse_stored_protocol(study.protocol).methods == ("l2",)
        assert count_by_method(db, study) == {"real": 30, "l2": 30, "foil": 30}
        assert count_images(db, study) == 30
        rows = list_images(db, study, 10, 10)
        assert [row.image for row in rows] == [f"photo-{n:03}" for n in range(10, 20)]
        assert all(set(row.ids) == {"real", "l2", "foil"} for row in rows)
    enroll(draft, Mode.PREVIEW)
    assert list(settings.uploads_folder.iterdir()) == []
    assert archive.exists()


@pytest.mark.slow(0.5)
def test_new_stimuli_replace_the_old_with_everything_that_depends_on_them(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    bring(draft, settings, write_zip(tmp_path / "one.zip", names))
    enroll(draft, Mode.PREVIEW)
    enroll(draft, Mode.SIMULATED)
    others = {name.replace("l2/", "GAN/"): content for name, content in names.items()}
    bring(draft, settings, write_zip(tmp_path / "two.zip", others))
    with read_session(draft) as db:
        study = find_study(db, "faces")
        assert count_by_method(db, study) == {"real": 30, "gan": 30, "foil": 30}
        assert db.scalar(select(func.count()).select_from(Participant)) == 0
        assert find_differences(db, study) == []
        files = {file.partition("/")[0] for file in db.scalars(select(Stimulus.file))}
    assert set(left_in(settings)) == files
    enroll(draft, Mode.SIMULATED)


def test_edited_texts_stay_and_default_texts_follow_the_protocol(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    with write_transaction(draft) as db:
        study = find_study(db, "faces")
        own = db.get_one(Wording, (study.id, "en", WordingPart.QUESTION))
        own.text = "Which face was made by a computer?"
        before = load_wording(db, study)
    no_foils = {name: content for name, content in names.items() if "foil" not in name}
    bring(draft, settings, write_zip(tmp_path / "faces.zip", no_foils))
    with read_session(draft) as db:
        study = find_study(db, "faces")
        protocol, texts = parse_stored_protocol(study.protocol), load_wording(db, study)
    assert protocol.attention_checks == 0
    assert texts["en", WordingPart.QUESTION] == "Which face was made by a computer?"
    defaults = compose_wording(protocol)
    assert all(
        text == defaults[place]
        for place, text in texts.items()
        if place != ("en", WordingPart.QUESTION)
    )
    assert refit_wording(before, protocol, protocol) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l2/photo-003.png": b"text"}, r"^l2/photo-003.png is not a readable PNG, JPEG or WebP"),
        ({"l2/photo-003.png": None}, "l2 has no photo-003"),
        ({"foil/../../x.png": b""}, "outside its own folders"),
        ({"My Model!/photo-000.png": b""}, "'My Model!' cannot be a method"),
    ],
)
def test_a_refused_zip_leaves_nothing_and_names_the_file(
    change: dict[str, bytes | None],
    message: str,
    draft: Engine,
    settings: Settings,
    names: Names,
    tmp_path: Path,
) -> None:
    changed = {name: data for name, data in (names | change).items() if data is not None}
    archive = write_zip(tmp_path / "faces.zip", changed)
    with pytest.raises(StudyError, match=message) as refused:
        bring(draft, settings, archive)
    assert str(settings.instance_folder) not in str(refused.value)
    assert left_in(settings) == []
    with read_session(draft) as db:
        assert not find_study(db, "faces").has_stimuli


def make_warning(names: Names) -> Names:
    """Return the images with two photographs that are equal, and their fakes."""
    return names | {f"{m}/photo-001.png": names[f"{m}/photo-000.png"] for m in ("real", "foil")}


@pytest.mark.slow(0.5)
def test_warnings_are_accepted_with_a_reason_that_the_design_repeats(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "faces.zip", make_warning(names))
    report_file = tmp_path / "audit.json"
    accepted = {"duplicate": "twins", "equal fakes": "twins", "lightness": "made so"}
    with pytest.raises(AuditRefusedError, match="The audit found 0 errors and"):
        import_with_report(draft, settings, "faces", archive, report_file, reasons={})
    report = read_audit_report(report_file)
    assert report is not None
    assert report.is_acceptable
    duplicate = next(kind for kind in report.kinds if kind.confound == "duplicate")
    (shown,) = duplicate.shown
    assert [(one.image, one.method) for one in shown.stimuli] == [
        ("photo-000", "real"),
        ("photo-001", "real"),
    ]
    assert all(one.thumbnail for one in shown.stimuli)
    with pytest.raises(AuditRefusedError):  # one kind was not accepted
        import_with_report(
            draft, settings, "faces", archive, report_file, reasons={"duplicate": "twins"}
        )
    import_with_report(draft, settings, "faces", archive, report_file, reasons=accepted)
    with read_session(draft) as db:
        study = find_study(db, "faces")
        design = assemble_design(db, study, AnalysisPlan(), "0")
        reasons = set(db.scalars(select(AcceptedWarning.reason)))
    assert "twins" in reasons
    warnings = design["accepted_warnings"]
    assert isinstance(warnings, list)
    assert any(line.endswith("the test (accepted: twins)") for line in warnings)


@pytest.mark.slow(0.4)
def test_reasons_apply_only_to_the_stimuli_that_were_seen(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    report_file = tmp_path / "audit.json"
    reasons = {"duplicate": "twins", "equal fakes": "twins", "lightness": "made so"}
    archive = write_zip(tmp_path / "faces.zip", make_warning(names))
    with pytest.raises(AuditRefusedError):
        import_with_report(draft, settings, "faces", archive, report_file, reasons={})
    others = names | {f"{m}/photo-009.png": names[f"{m}/photo-008.png"] for m in ("real", "foil")}
    write_zip(archive, others)
    with pytest.raises(AuditRefusedError):
        import_with_report(draft, settings, "faces", archive, report_file, reasons=reasons)


def test_a_frozen_or_live_study_keeps_its_stimuli(
    draft: Engine, settings: Settings, names: Names, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "faces.zip", names)
    bring(draft, settings, archive)
    enroll(draft, Mode.LIVE)
    with pytest.raises(StudyError, match="has live participants"):
        bring(draft, settings, archive)
    with write_transaction(draft) as db:
        find_study(db, "faces").design = "{}"
    with pytest.raises(StudyError, match="is frozen, so its stimuli are fixed"):
        bring(draft, settings, archive)
