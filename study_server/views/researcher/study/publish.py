"""Publishing a study from its Data page: the form, and the download of what the job has written."""

from flask import Blueprint, abort, g, request, send_file
from flask.typing import ResponseReturnValue

from study_server.errors import StudyError
from study_server.publication.archives import find_archive, request_publication
from study_server.publication.facts import PublicationFacts, parse_facts
from study_server.publication.stimuli import StimulusChoice
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.data import render_data
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    find_study,
    finish_change,
    posted_mode,
)
from study_server.vocabulary import Mode

pages: Blueprint = create_study_blueprint("publish", "/publication")


@pages.get("")
def download(slug: str) -> ResponseReturnValue:
    """Send the publication of live or simulated participants."""
    study, mode = find_study(slug), chosen_mode()
    file = find_archive(app_settings(), study, mode)
    if file is None:
        abort(404)
    suffix = "" if mode is Mode.LIVE else f"-{mode}"
    return send_file(file, as_attachment=True, download_name=f"{slug}{suffix}.zip")


@pages.post("")
def make(slug: str) -> ResponseReturnValue:
    """Request the publication."""
    study, mode = find_study(slug), posted_mode()
    try:
        facts, stimuli = _read_facts(), _read_stimuli()
        by = g.researcher.name
        request_publication(g.db, app_settings(), study, facts, mode, stimuli, by)
    except StudyError as error:
        return render_data(study, str(error)), 409
    action = f"requested the publication of {mode} participants"
    return finish_change(study, action, "Requested the publication", "data.show")


def _read_facts() -> PublicationFacts:
    lines = request.form.get("authors", "").splitlines()
    facts = {
        "authors": tuple(line.strip() for line in lines if line.strip()),
        "license": request.form.get("license", ""),
        "url": request.form.get("url", "").strip(),
    }
    return parse_facts(facts, "the form")


def _read_stimuli() -> StimulusChoice:
    is_included = request.form.get("stimuli") != "outside"
    address = request.form.get("stimuli_url", "").strip()
    if is_included and address:
        raise StudyError(
            "the address of the images is for a publication without them; leave it empty, or "
            "publish without the images"
        )
    return StimulusChoice(is_included, address)
