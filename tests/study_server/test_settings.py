"""Settings come from the environment, and an invalid one is named in one line."""

from pathlib import Path

import pytest

from study_server import settings
from study_server.errors import StudyError
from study_server.settings import Settings, read_settings


def test_without_variables_everything_lies_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings()
    assert settings.database_url == "sqlite:///instance/study.sqlite"
    assert settings.stimuli_folder == tmp_path / "instance" / "stimuli"
    assert (
        settings.report_path("mine") == tmp_path / "instance" / "reports" / "mine" / "report.html"
    )
    assert (settings.secret_key, settings.public_url, settings.trusted_proxies) == ("", "", 0)


def test_every_variable_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "STUDY_DATABASE_URL": "sqlite:///other.sqlite",
        "STUDY_INSTANCE": str(tmp_path),
        "STUDY_SECRET_KEY": "x" * 16,
        "STUDY_PUBLIC_URL": "https://study.example.org/",
        "STUDY_TRUSTED_PROXIES": "1",
        "STUDY_MAX_UNANSWERED": "500",
        "STUDY_MAX_UPLOAD_MB": "50",
        "STUDY_X_ACCEL": "/stimuli/",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_settings() == Settings(
        database_url="sqlite:///other.sqlite",
        instance_folder=tmp_path,
        secret_key="x" * 16,
        public_url="https://study.example.org",
        trusted_proxies=1,
        max_unanswered=500,
        max_upload_mb=50,
        x_accel_prefix="/stimuli",
    )


def test_a_secret_may_be_a_file_but_a_variable_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECRETS_FOLDER", tmp_path)
    (tmp_path / "STUDY_SECRET_KEY").write_text("sixteen or more\n")
    (tmp_path / "STUDY_INSTANCE").write_text(str(tmp_path))
    assert read_settings().secret_key == "sixteen or more"
    assert read_settings().instance_folder == tmp_path
    monkeypatch.setenv("STUDY_SECRET_KEY", "from the environment")
    assert read_settings().secret_key == "from the environment"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_TRUSTED_PROXIES", "")
    assert read_settings().trusted_proxies == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STUDY_TRUSTED_PROXIES", "one"),
        ("STUDY_MAX_UNANSWERED", "-1"),
        ("STUDY_MAX_UPLOAD_MB", "-5"),
        ("STUDY_PUBLIC_URL", "uni.example"),
        ("STUDY_PUBLIC_URL", "https://study.example.org/?a=b"),
        ("STUDY_PUBLIC_URL", "https://lab.example.org/a%20b"),
        ("STUDY_PUBLIC_URL", "https://lab.example.org/api/studies"),
    ],
)
def test_an_invalid_value_is_named_and_not_repeated(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StudyError, match=f"^{variable}: [^\n]*; use [^\n]*$") as refused:
        read_settings()
    assert value not in str(refused.value).removeprefix(variable)


def test_secrets_are_not_in_the_repr() -> None:
    settings = Settings(database_url="postgresql+psycopg://u:password@x/y", secret_key="hidden" * 3)
    assert not {"password", "hidden"} & set(repr(settings).replace(":", " ").split())
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("address", "origin", "prefix"),
    [
        ("", "", ""),
        ("https://study.example.org/", "https://study.example.org", ""),
        ("https://lab.example.org/study/", "https://lab.example.org", "/study"),
        ("http://study/study", "http://study", "/study"),
        ("https://lab.example.org:8443/a/b", "https://lab.example.org:8443", "/a/b"),
    ],
)
def test_a_public_address_has_an_origin_and_a_path(
    address: str, origin: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_PUBLIC_URL", address)
    settings = read_settings()
    assert (settings.public_origin, settings.path_prefix) == (origin, prefix)
