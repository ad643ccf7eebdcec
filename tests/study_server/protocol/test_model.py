"""study.toml: what is read is what was written, and contradictions are refused."""

from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol, format_toml, read_protocol


@pytest.mark.parametrize("preset", PRESETS)
def test_a_new_file_reads_back_as_the_preset(preset: str, tmp_path: Path) -> None:
    protocol, file = create_protocol("mine", preset), tmp_path / "study.toml"
    file.write_text(format_toml(protocol))
    assert read_protocol(file) == protocol
    assert parse_stored_protocol(protocol.canonical_json()) == protocol


def test_zhang2016_is_the_published_test() -> None:
    protocol = create_protocol("mine", "zhang2016")
    assert (protocol.practice, protocol.trials, protocol.attention_checks) == (10, 40, 4)
    timing = protocol.first_blank_ms, protocol.blank_ms, protocol.exposure_ms, protocol.gap_ms
    assert timing == (1200, 900, 1000, 600)
    assert (protocol.after_ms, protocol.feedback_ms) == (100, 2400)
    assert (protocol.assignment, protocol.question) == ("between", "fake")


def test_within_shows_everybody_everything_with_ten_attention_checks_pairs() -> None:
    protocol = create_protocol("mine", "within")
    assert (protocol.assignment, protocol.attention_checks) == ("within", 10)


@pytest.mark.parametrize(
    ("preset", "published"),
    [
        ("isola2017", {"attention_checks": 0, "question": "fake", "trials": 40}),
        ("zhu2017", {"attention_checks": 0, "question": "real", "trials": 40}),
        ("saharia", {"question": "real", "trials": 50, "exposure_ms": 3000}),
        (
            "hype_inf",
            {"presentation": "single", "trials": 100, "qualification": 100, "exposure_ms": 0},
        ),
    ],
)
def test_the_other_presets_are_the_published_ones(
    preset: str, published: dict[str, object]
) -> None:
    assert published.items() <= create_protocol("mine", preset).model_dump().items()


def test_every_key_of_the_file_has_a_remark() -> None:
    lines = format_toml(create_protocol("mine")).splitlines()[2:]
    assert len(lines) == len(Protocol.model_fields) - 3  # three are tables at the end
    assert all(" # " in line for line in lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('methods = ["real"]', "methods = .*'real' is not a model"),
        ('methods = ["l2", "l2"]', "listed twice"),
        ("methods = []", "methods = "),
        ('methods = ["L2!"]', "methods.0 = 'L2!'"),
        ("trials = 0", "trials = 0: "),
        ('trials = "40"', "trials = '40': "),
        ("attention_checks = 41", "attention_checks = 41 exceeds trials = 40"),
        ("exposure_ms = -1", "exposure_ms = -1: "),
        ('slug = "no spaces"', "slug = 'no spaces': "),
        ("sides = 3", "sides = 3: Extra inputs"),
        ('assignment = "within"\ntrials = 1\nattention_checks = 0', "too few to show 2 methods"),
        (
            'assignment = "within"\ntrials = 3\nattention_checks = 0\npresentation = "single"',
            "too few to show 2 methods to each participant; raise trials to at least 4",
        ),
        ("trials = = 3", "cannot be read as TOML"),
        ("exposure_ms = [500, -1]", "exposure_ms.1 = -1: "),
        ("exposure_ms = [500, 500]", "list each exposure once"),
        ("exposure_ms = 10", "exposure_ms = 10 is shorter than 20 ms"),
        ("exposure_ms = 0", "does not work with presentation = 'sequential'"),
        ('exposure_ms = 0\nmasks = 4\npresentation = "single"', "set masks = 0"),
        ('presentation = "single"\nquestion = "real"', "set question = 'fake'"),
        ('presentation = "single"\norder = "random"', "set order = 'left_first'"),
        ("repeats = 21", "repeats = 21 exceeds half of trials = 40"),
        ("qualification_min_correct = 65", "qualification_min_correct = 65: "),
        ('preset = "hype"', "preset = 'hype': "),
    ],
)
def test_a_mistake_is_refused_naming_key_and_value(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    keys = {part.split(" = ")[0] for part in line.splitlines()}
    kept = [
        k for k in format_toml(create_protocol("mine")).splitlines() if k.split(" ")[0] not in keys
    ]
    file.write_text("\n".join([*kept, line]))
    with pytest.raises(StudyError, match=message) as raised:
        read_protocol(file)
    assert str(raised.value).startswith(str(file))
    assert "\n" not in str(raised.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('preset = "zhang2016"\nslug = "mine"\ntitle = "T"\n')
    with pytest.raises(StudyError, match="methods: Field required"):
        read_protocol(file)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="study new"):
        read_protocol(tmp_path / "none.toml")
