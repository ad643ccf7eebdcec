"""The settings around a study: its tags, the researchers, and its deletion."""

from flask import Blueprint, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from study_server.clock import now
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.participants.withdrawal import delete_all_participants
from study_server.storage.backup import backup_path, write_backup
from study_server.storage.models import Study
from study_server.studies import researchers, tags
from study_server.studies.action_log import log_action
from study_server.studies.removal import (
    delete_study,
    measure_contents,
    remove_objects,
    require_deletable,
)
from study_server.studies.researchers import INVITATION_VALID_FOR, ROLE_TEXTS
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import Role

pages: Blueprint = create_study_blueprint("settings", "/settings")


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the tags, the researchers, and what a deletion would delete."""
    return _render(find_study(slug))


def _render(study: Study, problem: str = "", link: str = "") -> str:
    return render_study_page(
        "settings.html",
        study,
        problem=problem,
        link=link,
        tags=tags.list_tags(g.db, study),
        researchers=researchers.list_researchers(g.db),
        roles=list(Role),
        contents=measure_contents(g.db, study).describe(),
        backups_folder=app_settings().backups_folder,
        link_hours=int(INVITATION_VALID_FOR.total_seconds() // 3600),
    )


def _refuse(slug: str, error: StudyError) -> ResponseReturnValue:
    g.db.rollback()
    return _render(find_study(slug), str(error)), 409


@pages.post("/tags")
def save_tags(slug: str) -> ResponseReturnValue:
    """Replace the tags of the study."""
    study = find_study(slug)
    try:
        chosen = tags.parse_tags(request.form.get("tags", ""))
    except StudyError as error:
        return _refuse(slug, error)
    tags.set_tags(g.db, study, chosen)
    action = f"set the tags to {', '.join(chosen) or 'none'}"
    return finish_change(study, action, "Saved the tags", "settings.show")


@pages.post("/role")
def change_role(slug: str) -> ResponseReturnValue:
    """Give a researcher another role on this server."""
    study, name = find_study(slug), request.form.get("name", "")
    try:
        role = _posted_role()
        researchers.change_role(g.db, name, role)
    except StudyError as error:
        return _refuse(slug, error)
    action = f"made {name} {ROLE_TEXTS[role]}"
    return finish_change(study, action, f"{name} is {ROLE_TEXTS[role]}", "settings.show")


def _posted_role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError as error:
        raise StudyError(f"choose a role: {' or '.join(Role)}") from error


@pages.post("/invite")
def invite(slug: str) -> ResponseReturnValue:
    """Add a researcher, and show the one-time link by which they sign in."""
    study, name = find_study(slug), " ".join(request.form.get("name", "").split())
    try:
        role = _posted_role()
        token = researchers.invite_researcher(g.db, name, role, INVITATION_VALID_FOR)
    except StudyError as error:
        return _refuse(slug, error)
    log_action(g.db, slug, f"invited {name} as {ROLE_TEXTS[role]}", g.researcher.name)
    g.db.commit()
    origin = app_settings().public_origin or f"{request.scheme}://{request.host}"
    link = origin + url_for("researcher.show_login_link", token=token)
    return _render(study, link=link)


@pages.post("/backup")
def back_up(slug: str) -> ResponseReturnValue:
    """Back up the whole database."""
    study = find_study(slug)
    file = backup_path(app_settings().backups_folder, f"before-deleting-{slug}", now())
    g.db.commit()  # others write while the backup is made
    try:
        write_backup(current_app.extensions["engine"], file)
    except StudyError as error:
        return _refuse(slug, error)
    message = f"Backed up to {file}"
    return finish_change(study, "backed up the database", message, "settings.show")


@pages.post("/delete")
def delete(slug: str) -> ResponseReturnValue:
    """Delete the study for good, if its slug was typed."""
    study, name = find_study(slug), g.researcher.name
    try:
        if request.form.get("slug", "").strip() != slug:
            raise StudyError(f"you did not type {slug!r}, so nothing was deleted")
        require_deletable(g.db, study)
    except StudyError as error:
        return _refuse(slug, error)
    delete_all_participants(g.db, study)
    paths = delete_study(g.db, find_study(slug), app_settings())
    log_action(g.db, slug, "deleted the study", name)
    g.db.commit()
    for path in paths:
        remove_path(path)
    message = f"Deleted {slug} ({now().strftime('%H:%M')} UTC)"
    try:
        remove_objects(app_settings(), paths)
    except StudyError as error:
        message = f"{message}; {error}"
    flash(message)
    return redirect(url_for("studies.overview"), 303)
