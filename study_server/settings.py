"""The configuration of a deployment, read once from environment variables."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, NonNegativeInt, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from study_server.errors import StudyError
from study_server.vocabulary import Mode

PREFIX = "STUDY_"
SECRETS_FOLDER = Path(
    "/run/secrets"
)  # in a container: one file per secret, named after its variable
Address = Annotated[str, AfterValidator(lambda text: text.rstrip("/"))]
# A prefix that begins like one of the server's own addresses could not be told apart from it.
PATH_PATTERN = re.compile(r"(/[A-Za-z0-9._~-]+)*")
OWN_PATHS = ("s", "p", "api", "static", "researcher", "healthz", "metrics")


def _check_path(address: str) -> str:
    """Refuse a path that begins like one of the server's own, or that a browser would rewrite."""
    path = urlsplit(address).path
    if not PATH_PATTERN.fullmatch(path):
        raise ValueError("the path may contain letters, digits, '.', '_', '~' and '-'")
    first = path.removeprefix("/").partition("/")[0]
    if first in OWN_PATHS:
        raise ValueError(f"/{first} is one of the server's own paths")
    return address


class Settings(BaseSettings):
    """The database, the folders, the secret and the public address of a deployment.

    Each field is read from the variable STUDY_ plus its name, or from its alias. Its description
    says which values are valid. The repr leaves out secrets.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        populate_by_name=True,
        validate_default=True,
    )

    database_url: str = Field(
        default="sqlite:///instance/study.sqlite",
        repr=False,  # may hold a password
        description="sqlite:///FILE or postgresql+psycopg://...",
    )
    instance_folder: Annotated[Path, AfterValidator(Path.resolve)] = Field(
        default=Path("instance"),
        validation_alias=f"{PREFIX}INSTANCE",
        description="the folder of stimuli, backups and reports",
    )
    stimuli_url: Address = Field(
        default="",  # stimuli are in the folder only
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*/?)?$",
        description="a bucket and a prefix, such as s3://bucket/prefix",
    )
    secret_key: str = Field(default="", repr=False, description="16 or more secret characters")
    person_key: Annotated[str, StringConstraints(pattern="^(.{16,})?$")] = Field(
        default="",  # needed by studies with `linked = true` only
        repr=False,
        description="16 or more secret characters, such as the output of `openssl rand -hex 32`",
    )
    public_url: Annotated[
        Address, StringConstraints(pattern="^(https?://[^?#]+)?$"), AfterValidator(_check_path)
    ] = Field(
        default="",
        description="an address that begins with http:// or https://, such as "
        "https://study.example.org or https://lab.example.org/study",
    )
    trusted_proxies: NonNegativeInt = Field(
        default=0,  # number of proxies in front; each adds an address to X-Forwarded-For
        description="0, or 1 behind nginx",
    )
    max_unanswered: NonNegativeInt = Field(
        default=100,  # a whole class may begin within minutes; others can try again later
        description="0 for no limit, or a number of people such as 100",
    )
    metrics_token: Annotated[str, StringConstraints(pattern="^(.{16,})?$")] = Field(
        default="",  # no /metrics
        repr=False,
        description="16 or more secret characters, which Prometheus sends as a bearer token",
    )
    max_upload_mb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=2000,  # of one zip of stimuli; its files may have as much again when unpacked
        description="the size of an uploaded zip of stimuli in MB, such as 2000",
    )
    x_accel_prefix: Address = Field(
        default="",  # the server sends the stimuli itself
        validation_alias=f"{PREFIX}X_ACCEL",
        description="the nginx location of the stimuli folder",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, and for variables that are not set there the files of secrets."""
        if not SECRETS_FOLDER.is_dir():
            return init_settings, env_settings
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=SECRETS_FOLDER)
        return init_settings, env_settings, secrets

    @property
    def path_prefix(self) -> str:
        """The path of the public address, such as /study; empty at the root of a host."""
        return urlsplit(self.public_url).path

    @property
    def public_origin(self) -> str:
        """The public address without its path; empty if it is not set."""
        return self.public_url.removesuffix(self.path_prefix)

    @property
    def stimuli_folder(self) -> Path:
        """The folder of all imported images."""
        return self.instance_folder / "stimuli"

    @property
    def backups_folder(self) -> Path:
        """The folder of automatic backups."""
        return self.instance_folder / "backups"

    @property
    def uploads_folder(self) -> Path:
        """The private folder of uploads that are not imported yet."""
        return self.instance_folder / "uploads"

    def reports_folder(self, slug: str) -> Path:
        """Return the folder of a study's reports, interim estimates and sample size."""
        return self.instance_folder / "reports" / slug

    def report_path(self, slug: str, mode: Mode = Mode.LIVE) -> Path:
        """Return the path where the researcher pages look for a study's report."""
        folder = self.reports_folder(slug)
        return (folder if mode is Mode.LIVE else folder / mode) / "report.html"

    def monitor_path(self, slug: str) -> Path:
        """Return the path where the researcher pages look for a study's interim estimates."""
        return self.reports_folder(slug) / "monitor.json"

    def publication_path(self, slug: str, mode: Mode, withdrawn: int) -> Path:
        """Return the path of a study's publication, made when so many people had withdrawn."""
        return self.reports_folder(slug) / f"publication-{mode}-{withdrawn}.zip"

    def power_path(self, slug: str) -> Path:
        """Return the path where the researcher pages look for a study's sample size."""
        return self.reports_folder(slug) / "power.json"


def read_settings() -> Settings:
    """Read the environment, and the files below /run/secrets for variables that are not set there.

    Raises StudyError that names a variable with an invalid value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise StudyError(_explain(str(first["loc"][0]), first["msg"])) from None


def _explain(location: str, message: str) -> str:
    """Describe the error without the value, which may be a secret."""
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"{PREFIX}{name.upper()}")
        if location in (name, variable):
            return f"{variable}: {message[0].lower()}{message[1:]}; use {field.description}"
    return f"{location}: {message}"


def find_resource_folder(name: str) -> Path:
    """Return the folder templates or static, in the package (wheel) or next to it (checkout)."""
    here = Path(__file__).parent
    return here / name if (here / name).is_dir() else here.parent / name


def require_secret(settings: Settings) -> None:
    """Raise StudyError if the secret key is missing or too short; there is no default."""
    if len(settings.secret_key) < 16:
        raise StudyError(
            "STUDY_SECRET_KEY is missing or too short; set it to at least 16 random characters, "
            "such as the output of `openssl rand -hex 32`"
        )
