"""The page on which a study is rehearsed: play it, and let simulated participants take part."""

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.participants.withdrawal import delete_rehearsals
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.simulation import rehearsals
from study_server.storage.models import Study
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)

pages: Blueprint = create_study_blueprint("rehearse", "/rehearse")
PERCENT = 100


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the ways to rehearse the study, and who has rehearsed it."""
    return _render(find_study(slug))


def _render(study: Study, problem: str = "") -> str:
    protocol = parse_stored_protocol(study.protocol)
    factor = PERCENT if protocol.has_truth else 1
    values = {
        method: request.form.get(_field(method), f"{factor * value:g}")
        for method, value in rehearsals.default_values(protocol).items()
    }
    return render_study_page(
        "rehearse.html",
        study,
        problem=problem,
        protocol=protocol,
        counts=rehearsals.count_rehearsals(g.db, study),
        values=values,
        people=request.form.get("people", "20"),
        max_people=rehearsals.MAX_PEOPLE,
    )


def _field(method: str) -> str:
    """Return the name of the form's field for a method."""
    return f"value-{method}"


@pages.post("/simulate")
def simulate(slug: str) -> ResponseReturnValue:
    """Request simulated participants."""
    study = find_study(slug)
    try:
        people = _read_number("people", "number of participants")
        values = _read_values(parse_stored_protocol(study.protocol))
        rehearsals.request_simulation(g.db, study, int(people), values, g.researcher.name)
    except StudyError as error:
        return _render(study, str(error)), 409
    text = format_count(int(people), "simulated participant", "simulated participants")
    return finish_change(study, f"requested {text}", f"Requested {text}", "rehearse.show")


def _read_values(protocol: Protocol) -> dict[str, float]:
    """Return the value of each method. Rates are entered in percent."""
    factor = PERCENT if protocol.has_truth else 1
    return {
        method: _read_number(_field(method), f"value for {method}") / factor
        for method in protocol.methods
    }


def _read_number(field: str, meaning: str) -> float:
    text = request.form.get(field, "").strip()
    try:
        return float(text.replace(",", ".").replace("−", "-"))
    except ValueError as error:
        raise StudyError(f"{text!r} is not a {meaning}") from error


@pages.post("/delete")
def delete_all(slug: str) -> ResponseReturnValue:
    """Delete all preview and simulated participants."""
    study = find_study(slug)
    try:
        rehearsals.require_no_simulation(g.db, study)
    except StudyError as error:
        return _render(study, str(error)), 409
    deletion = rehearsals.describe_deletion(delete_rehearsals(g.db, study))
    return finish_change(study, deletion, deletion.capitalize(), "rehearse.show")
