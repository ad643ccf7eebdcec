"""The deployment's configuration: environment variables, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study_server.errors import StudyError


@dataclass(frozen=True)
class Settings:
    """Where this deployment keeps its things and under which name the world sees it.

    trusted_proxies: how many stand in front, each of which adds an address to X-Forwarded-For.
    x_accel: the address at which nginx has the stimuli folder; none: the server sends them itself.
    """

    database_url: str
    instance: Path
    secret_key: str = ""
    public_url: str = ""
    trusted_proxies: int = 0
    x_accel: str = ""

    @property
    def stimuli(self) -> Path:
        return self.instance / "stimuli"

    @property
    def backups(self) -> Path:
        return self.instance / "backups"

    def report(self, slug: str) -> Path:
        """Where the researcher's page looks for a study's report."""
        return self.instance / "reports" / slug / "report.html"

    def monitor(self, slug: str) -> Path:
        """Where it looks for a study's rates so far."""
        return self.instance / "reports" / slug / "monitor.json"

    def power(self, slug: str) -> Path:
        """Where it looks for how many people a study needs."""
        return self.instance / "reports" / slug / "power.json"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    instance = Path(environment.get("STUDY_INSTANCE", "instance")).resolve()
    return Settings(
        database_url=environment.get("STUDY_DATABASE_URL", "sqlite:///instance/study.sqlite"),
        instance=instance,
        secret_key=environment.get("STUDY_SECRET_KEY", ""),
        public_url=environment.get("STUDY_PUBLIC_URL", "").rstrip("/"),
        trusted_proxies=_count_proxies(environment.get("STUDY_TRUSTED_PROXIES", "0")),
        x_accel=environment.get("STUDY_X_ACCEL", "").rstrip("/"),
    )


def _count_proxies(told: str) -> int:
    if not told.isdecimal():
        raise StudyError(f"STUDY_TRUSTED_PROXIES: {told!r} is no number; give 0, or 1 behind nginx")
    return int(told)


def find_folder(name: str) -> Path:
    """templates or static: in a wheel inside this package, in a checkout beside it."""
    here = Path(__file__).parent
    return here / name if (here / name).is_dir() else here.parent / name


def require_secret(settings: Settings) -> None:
    """Raises StudyError without a secret: there is no default one."""
    if len(settings.secret_key) < 16:
        raise StudyError(
            "STUDY_SECRET_KEY must be set to at least 16 characters that nobody can guess, such as "
            "the output of `openssl rand -hex 32`"
        )
