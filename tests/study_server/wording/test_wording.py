"""The texts of a study: written for its protocol, edited, checked, stored, shown."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.languages import LANGUAGES
from study_server.participants import enrollment
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.stimuli.importing import import_study
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, WordingPart
from study_server.wording.defaults import (
    SETTING_TAGS,
    compose_default,
    format_head,
    setting_tags,
)
from study_server.wording.files import (
    compose_wording,
    list_unfilled_places,
    read_wording,
    write_wording,
)
from study_server.wording.markdown import render_markdown
from study_server.wording.placeholders import placeholder_values
from study_server.wording.stored import load_wording, render_wording, reword_study
from tests.conftest import short_protocol
from tests.imported_studies import fill_in

PROTOCOLS = [
    *(create_protocol("short", preset) for preset in PRESETS),
    short_protocol(question="real", practice=0, attention_checks=0),
    short_protocol(time_limit_minutes=30, paired=False, exposure_ms=[500, 1000]),
    short_protocol(presentation="single", qualification=4),
    short_protocol(presentation="simultaneous", paired=False, exposure_ms=0, practice=0),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The short study's texts as they were written, with what only a researcher knows filled in."""
    write_wording(short_protocol(), tmp_path / "wording")
    for file in (tmp_path / "wording").rglob("*.md"):
        file.write_text(file.read_text().replace("[...", "Ada,").replace("].", "."))
    return tmp_path / "wording"


def in_german(**changes: Any) -> Protocol:
    return short_protocol(languages=("de", "en"), **changes)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_default_is_right_for_its_protocol(
    language: str, protocol: Protocol, tmp_path: Path
) -> None:
    protocol = protocol.model_copy(update={"languages": (language,)})
    assert len(write_wording(protocol, tmp_path)) == len(WordingPart) * len(LANGUAGES)
    texts = read_wording(protocol, tmp_path)
    assert texts == compose_wording(protocol)
    for text in texts.values():
        assert not re.search(r"^\?|<!--|-->|\n\n\n|^## .*\n+##|\A\Z", text, re.MULTILINE)
    consent, instructions = (
        texts[language, WordingPart.CONSENT],
        texts[language, WordingPart.INSTRUCTIONS],
    )
    assert len(re.findall(r"{shown}", consent + instructions)) == 2
    for kind, planned in (
        ("practice", protocol.practice),
        ("qualification", protocol.qualification),
    ):
        assert (f"{{{kind}}}" in consent) == (f"{{{kind}}}" in instructions) == (planned > 0)


def test_a_default_says_what_its_protocol_does() -> None:
    asked = {
        (stimuli, question): compose_wording(short_protocol(stimuli=stimuli, question=question))
        for stimuli in ("recolored", "any")
        for question in ("fake", "real")
    }
    questions = [texts["en", WordingPart.QUESTION] for texts in asked.values()]
    assert questions == [
        "Which image has fake colors, made by a computer program?",
        "Which image is a photograph, taken with a camera?",
        "Which image is the fake, made by a computer program?",
        "Which image is a photograph, taken with a camera?",
    ]
    limited = compose_wording(short_protocol(time_limit_minutes=30))["en", WordingPart.CONSENT]
    assert "You have {time_limit} from the moment you agree to take part." in limited
    assert "time_limit" not in asked["any", "fake"]["en", WordingPart.CONSENT]


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"device": "computer"}, "A computer with a mouse", "tablet"),
        ({"device": "any"}, "A computer or a tablet", "A computer with a mouse"),
        ({"presentation": "single", "device": "any"}, "a tablet or a phone", "560 pixels"),
        ({"color_vision": "required"}, "You also need typical color vision", "flash"),
        ({"color_vision": "recorded"}, "Whether you see colors", "You also need typical color"),
        ({"masks": 2}, "Patterns of noise flash briefly", "\nWe know of no risks"),
        ({"masks": 0}, "\nWe know of no risks", "flash"),
    ],
)
def test_a_consent_text_says_what_the_study_needs_of_its_participants(
    changes: dict[str, Any], said: str, unsaid: str
) -> None:
    consent = compose_wording(short_protocol(**changes))["en", WordingPart.CONSENT]
    assert said in consent
    assert unsaid not in consent


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_language_has_the_same_conditions(protocol: Protocol) -> None:
    for part in set(WordingPart) - {WordingPart.CONSENT}:
        heads = {format_head(language, part, protocol) for language in LANGUAGES}
        assert len(heads) == 1, part


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
@pytest.mark.parametrize("part", WordingPart)
def test_a_translated_default_says_that_it_awaits_review(language: str, part: WordingPart) -> None:
    assert "Awaits review by a native speaker" in compose_default(language, part, short_protocol())


def test_what_is_there_is_never_overwritten(folder: Path) -> None:
    (folder / "en" / "debrief.md").write_text("Mine.")
    (folder / "de" / "question.md").unlink()
    assert write_wording(short_protocol(), folder) == [folder / "de" / "question.md"]
    assert (folder / "en" / "debrief.md").read_text() == "Mine."


def test_comments_are_not_read(folder: Path) -> None:
    (folder / "en" / "question.md").write_text("\ufeff<!-- one\ntwo -->\r\nWhich one?\r\n")
    assert read_wording(short_protocol(), folder)["en", WordingPart.QUESTION] == "Which one?"


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ("debrief", "\n<!-- all of it -->\n", "debrief.md:1: empty; write"),
        ("debrief", "long " * 5000, "debrief.md:1: 25,000 characters; the limit is 20,000; sho"),
        ("question", "Which " * 40, "question.md:1: 240 characters; the limit is 200; shorten"),
        (
            "question",
            "Which?\n\nOr that?",
            "question.md:3: the question must be a single line; rem",
        ),
        (
            "debrief",
            "a\n\nb {colour}",
            "debrief.md:3: unknown placeholder {colour}; known: {ti",
        ),
        ("debrief", "{ 10 }", "debrief.md:1: unknown placeholder { 10 }; known"),
        ("debrief", "{time_limit}", "debrief.md:1: {time_limit} is not set in study.toml; rem"),
        (
            "consent",
            "Please read.",
            "consent.md:1: the first line must be the title of the study",
        ),
        ("consent", "## Why\n\nYou", "consent.md:1: the first line must be the title of the study"),
        ("consent", "# A\n\ntext\n\n# B", "consent.md:5: a page can have only one title; start"),
        ("instructions", "# Look\n\n", "instructions.md:1: a page can have only one title"),
        (
            "instructions",
            "a\n\n![x](x.png)",
            "instructions.md:3: images are not allowed; remove this",
        ),
        ("debrief", "[a](javascript:b)", "debrief.md:1: link to javascript:b; only https:// and"),
        ("debrief", "- [a](http://b.org)", "debrief.md:1: link to http://b.org; only"),
        ("debrief", "See <data:text/html,x>", "debrief.md:1: link to data:text/html,x; only"),
    ],
)
def test_a_wrong_text_is_refused_with_its_line(
    part: str, text: str, message: str, folder: Path
) -> None:
    (folder / "en" / f"{part}.md").write_text(text)
    with pytest.raises(StudyError) as refused:
        read_wording(short_protocol(), folder)
    assert str(refused.value).startswith(f"{folder}/en/{message}")


def test_a_file_that_is_missing_or_in_another_encoding_is_named(folder: Path) -> None:
    (folder / "en" / "debrief.md").write_bytes("Fine.\nGr\u00fc\u00dfe".encode("latin-1"))
    with pytest.raises(StudyError, match=r"en/debrief\.md:2: not UTF-8; save"):
        read_wording(short_protocol(), folder)
    (folder / "en" / "debrief.md").unlink()
    with pytest.raises(StudyError, match=r"en/debrief\.md: cannot be read; run `study wording`"):
        read_wording(short_protocol(), folder)


@pytest.mark.parametrize(
    ("changes", "file"),
    [({"question": "real"}, "consent"), ({"presentation": "single"}, ""), ({"stimuli": "any"}, "")],
)
def test_a_text_for_another_protocol_is_not_taken(
    changes: dict[str, Any], file: str, folder: Path
) -> None:
    with pytest.raises(
        StudyError, match=rf"{file}.*\.md:1: this text was written for a different protocol"
    ):
        read_wording(short_protocol(**changes), folder)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"practice": 0}, "?practice no-qualification: You will start with {practice}."),
        ({"masks": 2}, "?no-masks: We know of no risks"),
        ({"device": "computer"}, "?any-device: A computer or a tablet"),
    ],
)
def test_edited_wording_survives_a_setting_that_is_changed_and_changed_back(
    changes: dict[str, Any], line: str, folder: Path
) -> None:
    before, file = short_protocol(), folder / "en" / "consent.md"
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, f"{line.partition(': ')[0]}: In my words,"))
    (edited,) = {read_wording(before, folder)["en", WordingPart.CONSENT]}
    assert "In my words," in edited
    assert (
        "In my words,"
        not in read_wording(short_protocol(**changes), folder)["en", WordingPart.CONSENT]
    )
    assert read_wording(before, folder)["en", WordingPart.CONSENT] == edited


def test_a_list_stays_one_list_when_an_item_does_not_apply(folder: Path) -> None:
    (folder / "en" / "debrief.md").write_text("- a\n?masks: - b\n- c\n")
    assert read_wording(short_protocol(), folder)["en", WordingPart.DEBRIEF] == "- a\n- c"
    assert (
        read_wording(short_protocol(masks=1), folder)["en", WordingPart.DEBRIEF] == "- a\n- b\n- c"
    )


def test_an_unknown_condition_is_refused_with_its_line(folder: Path) -> None:
    (folder / "en" / "debrief.md").write_text("Thanks.\n?mask: There were masks.\n")
    with pytest.raises(StudyError, match=r"debrief\.md:2: unknown condition 'mask'; known: timed"):
        read_wording(short_protocol(), folder)


def test_a_placeholder_counts_only_where_its_line_applies(folder: Path) -> None:
    (folder / "en" / "debrief.md").write_text(
        "Thanks.\n?practice: After {practice}.\n?limit: [... x]\n"
    )
    assert read_wording(short_protocol(practice=0), folder)["en", WordingPart.DEBRIEF] == "Thanks."
    (place,) = [
        p
        for p in list_unfilled_places(short_protocol(time_limit_minutes=9), folder)
        if "debrief" in p
    ]
    assert place.endswith("debrief.md:3: [... x]")
    assert not [p for p in list_unfilled_places(short_protocol(), folder) if "debrief" in p]


def test_every_condition_of_a_default_is_known() -> None:
    for protocol in PROTOCOLS:
        tags = setting_tags(protocol)
        assert tags < set(SETTING_TAGS)
        assert 2 * len(tags) == len(SETTING_TAGS)


def test_a_text_that_was_adapted_is_taken(folder: Path) -> None:
    protocol = short_protocol(question="real")
    for part in WordingPart:
        file = folder / "en" / f"{part}.md"
        adapted = compose_default("en", part, protocol).splitlines()[0]
        file.write_text("\n".join([adapted, *file.read_text().splitlines()[1:]]))
    (folder / "en" / "question.md").write_text("Which is the photograph?")
    assert read_wording(protocol, folder)["en", WordingPart.QUESTION] == "Which is the photograph?"


def test_a_time_limit_is_told_to_those_who_agree(folder: Path) -> None:
    consent = folder / "en" / "consent.md"
    consent.write_text("# {title}\n\nTake your time.")
    with pytest.raises(
        StudyError, match=r"time limit that this text does not mention; add \{time_limit"
    ):
        read_wording(short_protocol(time_limit_minutes=30), folder)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_default_consent_says_that_studies_are_linked(language: str) -> None:
    for is_linked in (True, False):
        protocol = short_protocol(linked=is_linked, languages=[language])
        consent = compose_wording(protocol)[language, WordingPart.CONSENT]
        assert ("{other_studies}" in consent) is is_linked


def test_a_consent_that_hides_links_is_refused(folder: Path) -> None:
    (folder / "en" / "consent.md").write_text("# {title}\n\nWelcome.")
    with pytest.raises(StudyError, match=r"links this study with others, .* \{other_studies\}"):
        read_wording(short_protocol(linked=True), folder)


def test_placeholders_have_their_nouns_and_units() -> None:
    protocol = short_protocol(
        practice=1, trials=1, attention_checks=0, exposure_ms=1500, time_limit_minutes=1
    )
    english, german = placeholder_values(protocol, "en"), placeholder_values(protocol, "de")
    assert (english["practice"], english["shown"]) == ("1 practice pair", "1 pair")
    assert (english["seconds"], english["time_limit"]) == ("1.5 seconds", "1 minute")
    assert (german["practice"], german["shown"]) == ("1 Übungspaar", "1 Paar")
    assert (german["seconds"], german["minutes"]) == ("1,5 Sekunden", "2 Minuten")
    assert placeholder_values(short_protocol(), "de")["shown"] == "5 Paare"
    several = placeholder_values(short_protocol(exposure_ms=[500, 1000]), "en")
    assert several["seconds"] == "0.5 seconds or 1 second"
    assert placeholder_values(short_protocol(presentation="single"), "en")["shown"] == "5 images"
    assert placeholder_values(short_protocol(practice=0), "de")["practice"] == ""


def test_html_is_shown_and_never_obeyed() -> None:
    assert render_markdown("<script>alert(1)</script>").startswith("<p>&lt;script&gt;")
    assert "<img" not in render_markdown("a <img src=x onerror=y> b")
    assert 'href="javascript' not in render_markdown("[a](javascript:b)")


def test_what_was_imported_stays_whatever_the_files_say(
    engine: Engine, manifest: Path, folder: Path, tmp_path: Path
) -> None:
    protocol = in_german()
    wording = read_wording(protocol, folder)
    import_study(engine, protocol, manifest, tmp_path / "stimuli", wording=wording)
    (folder / "de" / "question.md").write_text("Andere Frage?")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        assert load_wording(db, study) == wording
        german = render_wording(db, study, "de")
        assert german.question.startswith("Welches Bild hat künstliche Farben")
        assert "Anschließend sehen Sie 5 Paare ohne" in german.consent
        assert render_wording(db, study, "fr") == german  # the first of the study's
        assert render_wording(db, study, "en").title == protocol.title


def test_a_participant_keeps_the_version_of_what_they_agreed_to(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    protocol = in_german()
    import_study(engine, protocol, manifest, tmp_path / "stimuli")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        people = [
            enrollment.enroll_participant(
                db, study, person, Mode.PREVIEW, RecruitmentSource.LINK, language
            )
            for person, language in (("a", "en"), ("b", "de"), ("c", "de"))
        ]
        versions = [person.consent_version for person in people]
        assert [person.language for person in people] == ["en", "de", "de"]
        assert versions[1] == versions[2] == render_wording(db, study, "de").consent_version
        assert re.fullmatch(r"en-[0-9a-f]{12}", versions[0])
        reword_study(db, protocol, study, fill_in(load_wording(db, study)))
        later = enrollment.enroll_participant(
            db, study, "d", Mode.PREVIEW, RecruitmentSource.LINK, "de"
        )
        assert later.consent_version != versions[1]


def test_edited_texts_are_taken_until_the_freeze(
    engine: Engine, manifest: Path, folder: Path, tmp_path: Path
) -> None:
    import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    protocol = in_german(title="Another title")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        reword_study(db, protocol, study, read_wording(protocol, folder))
        assert parse_stored_protocol(study.protocol) == protocol
        assert render_wording(db, study, "en").title == "Another title"
        with pytest.raises(StudyError, match="changes trials of study 'short', but"):
            reword_study(db, in_german(trials=5), study, {})
        freeze_study(db, study, AnalysisPlan(), "ab" * 32)
        with pytest.raises(StudyError, match="'short' is frozen; to change its wording before"):
            reword_study(db, protocol, study, {})
