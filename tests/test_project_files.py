"""Tests that the files describing the project agree with each other."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_has_the_version_and_license_of_the_package() -> None:
    fields = dict(re.findall(r"^([a-z-]+): (.+)$", read("CITATION.cff"), re.M))
    assert (fields["version"], fields["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_changelog_begins_with_unreleased_and_the_version() -> None:
    headings = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.M)
    assert headings[0] == "[Unreleased]"
    assert headings[1].startswith(f"[{PROJECT['version']}] - ")


def test_the_make_targets_that_contributing_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    named = set(re.findall(r"^make ([a-z-]+)", read("CONTRIBUTING.md"), re.M))
    assert len(named) >= 5
    assert named <= targets
