"""The protocol of a study: every key of study.toml in a form, and the file itself."""

from flask import Response, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from study_server.drafts.draft import StaleDraftError, draft_version, find_lock
from study_server.drafts.estimates import PayEstimate, estimate_pay
from study_server.drafts.freezing import load_draft_plan
from study_server.drafts.protocol_change import (
    change_protocol,
    describe_rehearsals,
)
from study_server.drafts.protocol_errors import validate_settings
from study_server.drafts.protocol_fields import protocol_groups, table_fields
from study_server.drafts.protocol_form import (
    REPEATED_TABLES,
    FormValues,
    list_entry_numbers,
    list_form_values,
    parse_form,
    split_list,
)
from study_server.errors import StudyError
from study_server.languages import LANGUAGES
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.protocol.study_toml import create_protocol, format_toml, parse_toml
from study_server.storage.models import Study
from study_server.studies.reports import PowerFile, read_power
from study_server.studies.unblinding import planned_participants
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.draft.refusal import NOT_REFUSED, Refusal, explain_refusal
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)

pages = create_study_blueprint("protocol", "/protocol")

NOT_OF_PRESET = ("slug", "languages", "wording", "methods")  # presets do not decide these
MAX_FLASHED = 1500  # characters; messages travel in a cookie
CONTROLS = ("csrf_token", "version")


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the protocol, as a form while the study is a draft."""
    study = find_study(slug)
    return _render(study, list_form_values(parse_stored_protocol(study.protocol)))


@pages.post("")
def save(slug: str) -> ResponseReturnValue:
    """Save the form, or show it again with what is wrong in it."""
    study = find_study(slug)
    typed = {name: value for name, value in request.form.items() if name not in CONTROLS}
    try:
        protocol = validate_settings(parse_form(typed, parse_stored_protocol(study.protocol)))
    except StudyError as error:
        return _render_refused(study, typed, error)
    return _change(study, protocol, typed)


@pages.post("/upload")
def upload(slug: str) -> ResponseReturnValue:
    """Save an uploaded study.toml, or say what is wrong in it."""
    study, file = find_study(slug), request.files.get("file")
    try:
        content = file.read() if file else b""
        if not content:
            raise StudyError("Choose a file first")
        protocol = parse_toml(content, "study.toml")
    except StudyError as error:
        return _render_refused(study, {}, error)
    return _change(study, protocol, list_form_values(protocol))


@pages.get("/study.toml")
def download(slug: str) -> ResponseReturnValue:
    """Send the protocol as study.toml."""
    content = format_toml(parse_stored_protocol(find_study(slug).protocol))
    headers = {"Content-Disposition": "attachment; filename=study.toml"}
    return Response(content, mimetype="application/toml", headers=headers)


def _change(study: Study, protocol: Protocol, typed: FormValues) -> ResponseReturnValue:
    """Save a protocol, or show again what was typed."""
    try:
        change = change_protocol(g.db, study, protocol, version=request.form.get("version", ""))
    except StudyError as error:
        g.db.rollback()
        return _render_refused(study, typed, error)
    if not change.changed_keys:
        g.db.rollback()
        flash(change.describe())
        return redirect(url_for("protocol.show", slug=study.slug), 303)
    reply = finish_change(study, change.describe_action(), change.describe(), "protocol.show")
    if change.to_check:
        texts = "; ".join(change.to_check)
        shown = texts if len(texts) <= MAX_FLASHED else f"{texts[:MAX_FLASHED]}…"
        flash(f"Check the texts, which were edited and do not follow this protocol: {shown}")
    return reply


def _render_refused(study: Study, typed: FormValues, error: StudyError) -> ResponseReturnValue:
    """Show the form as it was typed, with the problem; nothing was saved."""
    stored = list_form_values(parse_stored_protocol(study.protocol))
    page = _render(study, stored | dict(typed), explain_refusal(error, stored, typed))
    is_conflict = isinstance(error, StaleDraftError) or find_lock(g.db, study)
    return page, 409 if is_conflict else 422


def _render(study: Study, values: FormValues, refusal: Refusal = NOT_REFUSED) -> str:
    protocol = parse_stored_protocol(study.protocol)
    power, power_problem = _read_power(study.slug)
    pay, pay_problem = _estimate_pay(study, protocol)
    return render_study_page(
        "draft/protocol.html",
        study,
        **vars(refusal) | {"problem": refusal.problem or pay_problem},
        values=values,
        groups=protocol_groups(),
        tables={table: table_fields(table) for table in (*REPEATED_TABLES, "staircase")},
        entries={table: list_entry_numbers(table, values) for table in REPEATED_TABLES},
        languages=_shown_languages(values),
        all_languages=LANGUAGES,
        preset_values=_preset_values(study.slug, protocol),
        lock=find_lock(g.db, study),
        version=draft_version(study),
        rehearsed=describe_rehearsals(g.db, study),
        pay=pay,
        power=power,
        power_problem=power_problem,
        progress={"planned": planned_participants(study)},
    )


def _shown_languages(values: FormValues) -> list[str]:
    """Return the languages that were typed, in which the questions need a text."""
    return [language for language in split_list(values["languages"]) if language in LANGUAGES]


def _preset_values(slug: str, protocol: Protocol) -> dict[str, str]:
    values = list_form_values(create_protocol(slug, protocol.preset))
    return {name: value for name, value in values.items() if name not in NOT_OF_PRESET}


def _estimate_pay(study: Study, protocol: Protocol) -> tuple[PayEstimate, str]:
    participants = planned_participants(study) or load_draft_plan(study).participants
    try:
        return estimate_pay(protocol, participants, request.args.get("hourly", "")), ""
    except StudyError as error:
        return estimate_pay(protocol, participants, ""), str(error)


def _read_power(slug: str) -> tuple[PowerFile | None, str]:
    try:
        return read_power(app_settings().power_path(slug)), ""
    except StudyError as error:
        return None, str(error)
