"""The page that creates a study without stimuli from a preset.

Its routes are in views/researcher/studies.py.
"""

from dataclasses import dataclass

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from study_server.clock import now
from study_server.creation.drafts import create_draft, suggest_slug
from study_server.errors import StudyError
from study_server.languages import LANGUAGES, SOURCE_LANGUAGE, language_name
from study_server.protocol.presets import PRESET_DESCRIPTIONS, PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.protocol.trial_timeline import draw_timeline
from study_server.studies.action_log import log_action
from study_server.views.researcher.access import is_owner

DEFAULT_PRESET = "within"


@dataclass(frozen=True)
class NewStudyForm:
    """The values of the form."""

    title: str = ""
    slug: str = ""
    preset: str = DEFAULT_PRESET
    languages: tuple[str, ...] = (SOURCE_LANGUAGE,)


def new() -> str:
    """Show the presets and the form for a new study."""
    return _render(NewStudyForm())


def create() -> ResponseReturnValue:
    """Create a study without stimuli, and show the page where they are uploaded."""
    form = NewStudyForm(
        title=request.form.get("title", ""),
        slug=request.form.get("slug", "").strip(),
        preset=request.form.get("preset", ""),
        languages=tuple(request.form.getlist("languages")),
    )
    slug = form.slug or suggest_slug(g.db, form.title)
    try:
        study = create_draft(g.db, slug, form.title, form.preset, form.languages)
    except StudyError as error:
        g.db.rollback()
        return _render(form, str(error)), 400
    log_action(g.db, study.slug, f"created the study from preset {form.preset}", g.researcher.name)
    g.db.commit()
    flash(f"The study was created ({now().strftime('%H:%M')} UTC). Upload its stimuli next.")
    return redirect(url_for("stimuli.show", slug=slug), 303)


def _render(form: NewStudyForm, problem: str = "") -> str:
    protocols = {name: create_protocol("new", name) for name in PRESETS}
    return render_template(
        "researcher/new_study.html",
        protocols=protocols,
        timelines={name: draw_timeline(protocol) for name, protocol in protocols.items()},
        descriptions=PRESET_DESCRIPTIONS,
        languages=[(language, language_name(language)) for language in LANGUAGES],
        form=form,
        problem=problem,
        may_change=is_owner(),
    )
