"""The texts for participants, each beside its preview, in one language at a time."""

from collections.abc import Mapping

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from study_server.drafts.draft import StaleDraftError, draft_version, find_lock
from study_server.drafts.protocol_change import name_text
from study_server.drafts.text_merging import list_line_changes
from study_server.drafts.text_preview import preview_text
from study_server.drafts.wording_change import (
    WordingProblemsError,
    change_texts,
    list_open_places,
    normalize_text,
)
from study_server.errors import StudyError
from study_server.languages import language_name
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Study
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import load_wording

pages = create_study_blueprint("wording", "/wording")

Texts = Mapping[WordingPart, str]
RESET = "reset-"  # before the part, in the name of a button


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the texts of a language beside their previews."""
    study = find_study(slug)
    language = _chosen_language(study, request.args.get("language"))
    return _render(study, language, _stored_texts(study, language))


@pages.post("")
def save(slug: str) -> ResponseReturnValue:
    """Save the texts, or show them again: previewed, with a default, or with their problems."""
    study, action = find_study(slug), request.form.get("do", "save")
    language = _chosen_language(study, request.form.get("language"))
    stored = _stored_texts(study, language)
    texts = {p: request.form.get(f"text-{p}", text) for p, text in stored.items()}
    if action == "preview":
        return _render(study, language, texts)
    if action.startswith(RESET):
        return _render_with_default(study, language, texts, action.removeprefix(RESET))
    try:
        version = request.form.get("version", "")
        changed = change_texts(g.db, study, language, texts, version=version)
    except StudyError as error:
        g.db.rollback()
        return _render_refused(study, language, texts, error)
    if not changed:
        g.db.rollback()
        flash("Nothing was changed")
        return redirect(url_for("wording.show", slug=slug, language=language), 303)
    names = ", ".join(name_text(language, part) for part in changed)
    action = f"changed the wording: {names}"
    return finish_change(study, action, f"Saved: {names}", "wording.show", language=language)


@pages.post("/preview")
def preview(slug: str) -> ResponseReturnValue:
    """Render one text as participants will see it, for the script of the page."""
    study = find_study(slug)
    language = _chosen_language(study, request.form.get("language"))
    part = _chosen_part(request.form.get("part"))
    protocol = parse_stored_protocol(study.protocol)
    g.db.rollback()  # others can write while the text is rendered
    shown = preview_text(language, part, request.form.get("text", ""), protocol)
    return render_template(
        "researcher/study/draft/preview.html", part=part, language=language, preview=shown
    )


def _chosen_language(study: Study, language: str | None) -> str:
    offered = parse_stored_protocol(study.protocol).languages
    if language is not None and language not in offered:
        abort(404)
    return language or offered[0]


def _chosen_part(text: str | None) -> WordingPart:
    if text not in tuple(WordingPart):
        abort(404)
    return WordingPart(text)


def _stored_texts(study: Study, language: str) -> Texts:
    stored = load_wording(g.db, study)
    return {part: stored[language, part] for part in WordingPart}


def _default_texts(protocol: Protocol, language: str) -> Texts:
    composed = compose_wording(protocol)
    return {part: composed[language, part] for part in WordingPart}


def _render_with_default(
    study: Study, language: str, texts: Texts, chosen: str
) -> ResponseReturnValue:
    """Show a text's default in its place; it is saved with the others."""
    part = _chosen_part(chosen)
    default = _default_texts(parse_stored_protocol(study.protocol), language)[part]
    note = f"{name_text(language, part)} shows the default text, which is not saved yet."
    return _render(study, language, {**texts, part: default}, note=note)


def _render_refused(
    study: Study, language: str, texts: Texts, error: StudyError
) -> ResponseReturnValue:
    """Show the texts as they were typed; nothing was saved."""
    is_stale = isinstance(error, StaleDraftError)
    meanwhile = _stored_texts(study, language) if is_stale else {}
    page = _render(study, language, texts, problem=str(error), meanwhile=meanwhile)
    return page, 422 if isinstance(error, WordingProblemsError) else 409


def _render(
    study: Study,
    language: str,
    texts: Texts,
    *,
    problem: str = "",
    note: str = "",
    meanwhile: Texts | None = None,
) -> str:
    """Render the page. meanwhile: what others have saved since the page was opened."""
    protocol = parse_stored_protocol(study.protocol)
    defaults = _default_texts(protocol, language)
    normalized = {part: normalize_text(text) for part, text in texts.items()}
    return render_study_page(
        "draft/wording.html",
        study,
        problem=problem,
        note=note,
        language=language,
        languages=[(code, language_name(code)) for code in protocol.languages],
        texts=normalized,
        previews={p: preview_text(language, p, text, protocol) for p, text in texts.items()},
        changes={p: list_line_changes(defaults[p], text) for p, text in normalized.items()},
        meanwhile={p: t for p, t in (meanwhile or {}).items() if t != normalized[p]},
        open_places=[
            (name_text(place.language, place.part), place)
            for place in list_open_places(g.db, study)
        ],
        names={part: name_text(language, part) for part in texts},
        lock=find_lock(g.db, study),
        version=draft_version(study),
    )
