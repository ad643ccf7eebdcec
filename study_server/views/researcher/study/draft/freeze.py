"""The analysis plan, the freeze of the design, and the return to draft."""

from flask import g, request
from flask.typing import ResponseReturnValue

from study_server.drafts.draft import draft_version, find_lock, has_live_participants
from study_server.drafts.freezing import (
    list_obstacles,
    load_draft_plan,
    save_draft_plan,
    unfreeze_study,
)
from study_server.drafts.plan_form import (
    exclusion_fields,
    list_plan_values,
    parse_plan,
    plan_fields,
)
from study_server.drafts.protocol_form import FormValues
from study_server.errors import StudyError
from study_server.export.method_text import describe_method
from study_server.settings import find_resource_folder
from study_server.storage.models import Study
from study_server.studies.design import AnalysisPlan, freeze_study, hash_wording, read_frozen_plan
from study_server.views.researcher.study.draft.refusal import NOT_REFUSED, Refusal, explain_refusal
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import StudyState

pages = create_study_blueprint("freeze", "/freeze")


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the analysis plan, and what is missing before the freeze."""
    study = find_study(slug)
    return _render(study, list_plan_values(_current_plan(study)))


@pages.post("")
def save(slug: str) -> ResponseReturnValue:
    """Save the plan, and freeze the design if that is what was asked for."""
    study = find_study(slug)
    freezes = request.form.get("do") == "freeze"
    try:
        plan = parse_plan(request.form)
        save_draft_plan(g.db, study, plan, version=request.form.get("version", ""))
        if freezes:
            wording_sha256 = hash_wording(g.db, study, find_resource_folder("templates"))
            freeze_study(g.db, study, plan, wording_sha256)
    except StudyError as error:
        g.db.rollback()
        return _render_refused(study, request.form, error)
    if not freezes:
        return finish_change(study, "changed the analysis plan", "Saved the plan", "freeze.show")
    return finish_change(
        study,
        f"froze the design, SHA-256 {study.design_sha256}",
        f"The design is frozen. Its SHA-256 is {study.design_sha256}",
        "freeze.show",
    )


@pages.post("/undo")
def unfreeze(slug: str) -> ResponseReturnValue:
    """Return the study to draft, if nobody has taken part."""
    study = find_study(slug)
    try:
        action = unfreeze_study(g.db, study)
    except StudyError as error:
        g.db.rollback()
        return _render(study, list_plan_values(_current_plan(study)), Refusal(str(error))), 409
    return finish_change(study, action, "The study is a draft again", "freeze.show")


def _current_plan(study: Study) -> AnalysisPlan:
    return read_frozen_plan(study) or load_draft_plan(study)


def _render_refused(study: Study, typed: FormValues, error: StudyError) -> ResponseReturnValue:
    """Show the plan as it was typed; nothing was saved."""
    stored = list_plan_values(_current_plan(study))
    typed_values = {name: value for name, value in typed.items() if name in stored}
    refusal = explain_refusal(error, stored, typed_values)
    page = _render(study, stored | typed_values, refusal)
    return page, 422 if refusal.problems else 409


def _render(study: Study, values: FormValues, refusal: Refusal = NOT_REFUSED) -> str:
    is_open, has_people = study.state is StudyState.OPEN, has_live_participants(g.db, study)
    return render_study_page(
        "draft/freeze.html",
        study,
        **vars(refusal),
        values=values,
        plan_fields=plan_fields(),
        exclusion_fields=exclusion_fields(),
        obstacles=[] if study.design else list_obstacles(g.db, study),
        can_unfreeze=study.design is not None and not is_open and not has_people,
        has_live_participants=has_people,
        method=describe_method(g.db, study),
        lock=find_lock(g.db, study),
        version=draft_version(study),
    )
