"""The command `study publish`, which writes a study as a folder for others."""

from pathlib import Path

import click

from study_server.commands.context import PATH_TYPE, SLUG_ARGUMENT, open_database
from study_server.errors import StudyError
from study_server.publication.archives import ZIP_SUFFIX, publish_archive
from study_server.publication.facts import (
    FACTS_FILE,
    PublicationFacts,
    parse_facts,
    read_facts,
    write_facts,
)
from study_server.publication.publishing import Publication, publish_study
from study_server.publication.stimuli import StimulusChoice
from study_server.settings import Settings
from study_server.vocabulary import Mode


@click.command()
@SLUG_ARGUMENT
@click.option("--out", type=PATH_TYPE, help="Folder or .zip file to write.  [default: SLUG]")
@click.option(
    "--author",
    "authors",
    multiple=True,
    metavar="NAME",
    help="An author, with or without an ORCID: 'Ada Lovelace <0000-0000-0000-0000>'. Repeatable.",
)
@click.option("--license", "license_name", help="SPDX identifier, such as CC-BY-4.0.")
@click.option("--url", help="Address of the publication, such as its DOI.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in (Mode.LIVE, Mode.SIMULATED)]),
    default=Mode.LIVE.value,
    show_default=True,
    help="Participants to publish; simulated ones are marked as such everywhere.",
)
@click.option("--without-stimuli", is_flag=True, help="Publish only the SHA-256 of the images.")
@click.option(
    "--stimuli-url", default="", help="Where the images are, for --without-stimuli: a folder's URL."
)
@click.option(
    "--card",
    "cards",
    type=PATH_TYPE,
    multiple=True,
    help="A model card to include; `colorizer card NAME` prints those of colorizers. Repeatable.",
)
@click.option(
    "--manifest",
    type=PATH_TYPE,
    help="The manifest that was imported; needed if the analysis plan compares tags of images.",
)
def publish(
    slug: str,
    out: Path | None,
    authors: tuple[str, ...],
    license_name: str | None,
    url: str | None,
    mode: str,
    without_stimuli: bool,
    stimuli_url: str,
    cards: tuple[Path, ...],
    manifest: Path | None,
) -> None:
    """Write a closed study as a folder that others can read, cite, check and repeat.

    The folder has the data without what identifies people, the design and texts, the stimuli, the
    report, a page with every image (index.html), and machine-readable descriptions (Psych-DS and
    Croissant). `make reproduce` inside it computes the results again, and `study import FOLDER`
    repeats the study with other people.

    If the authors or the license are not given, the command asks for them once and keeps them in
    instance/publication.toml.
    """
    settings, engine = open_database()
    if stimuli_url and not without_stimuli:
        raise StudyError("--stimuli-url is for --without-stimuli; leave it out, or add that option")
    given = {"authors": authors or None, "license": license_name, "url": url}
    facts = choose_facts(settings, {key: value for key, value in given.items() if value})
    publication = Publication(
        slug, facts, Mode(mode), StimulusChoice(not without_stimuli, stimuli_url), cards, manifest
    )
    path = out or Path(slug)
    publish_to = publish_archive if path.suffix == ZIP_SUFFIX else publish_study
    for note in publish_to(engine, settings, publication, path):
        click.echo(note, err=True)
    click.echo(f"{path}: open index.html there; `make reproduce` computes the results again")


def choose_facts(settings: Settings, given: dict[str, object]) -> PublicationFacts:
    """Return the facts that were given, kept from last time, or asked for now; and keep them.

    Raises StudyError if one is missing and nobody can be asked.
    """
    kept = read_facts(settings.instance_folder)
    values = {**(kept.model_dump(exclude={"url"}) if kept else {}), **given}
    if missing := {"authors", "license"} - values.keys():
        values |= ask_for_facts(missing)
    facts = parse_facts(values, FACTS_FILE)
    write_facts(facts, settings.instance_folder)
    return facts


def ask_for_facts(missing: set[str]) -> dict[str, object]:
    """Ask for missing facts. Raises StudyError if nobody answers."""
    answers: dict[str, object] = {}
    try:
        if "authors" in missing:
            names = click.prompt(
                "Authors, separated by commas, each with or without <ORCID>", err=True
            )
            answers["authors"] = tuple(name.strip() for name in names.split(",") if name.strip())
        if "license" in missing:
            answers["license"] = click.prompt(
                "License of the data (SPDX)", default="CC-BY-4.0", err=True
            )
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise  # Ctrl-C
        options = " and ".join(f"--{name.removesuffix('s')}" for name in sorted(missing))
        raise StudyError(
            f"a publication needs {options}; they are kept for the next time"
        ) from abort
    return answers
