"""The comments of a study's participants."""

from flask import g, request
from flask.typing import ResponseReturnValue

from study_server.counts import format_count
from study_server.monitoring.comments import (
    COMMENTS_PER_PAGE,
    count_comments,
    list_comments,
    mark_comments,
)
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)

pages = create_study_blueprint("comments", "/comments")


@pages.get("")
def show(slug: str) -> str:
    """List the comments, the newest first."""
    study, mode = find_study(slug), chosen_mode()
    total, unread = count_comments(g.db, study, mode)
    pages_count = max(1, -(-total // COMMENTS_PER_PAGE))
    number = min(max(request.args.get("page", 1, type=int), 1), pages_count)
    return render_study_page(
        "people/comments.html",
        study,
        mode=mode,
        people=list_comments(g.db, study, mode, number),
        total=total,
        unread=unread,
        number=number,
        pages=pages_count,
    )


@pages.post("")
def mark(slug: str) -> ResponseReturnValue:
    """Mark comments as read, or as unread."""
    study, read = find_study(slug), request.form.get("state") != "unread"
    changed = mark_comments(g.db, study, request.form.getlist("participant"), read=read)
    comments = format_count(changed, "comment", "comments")
    state = "read" if read else "unread"
    message = f"Marked {comments} as {state}"
    return finish_change(study, f"marked {comments} as {state}", message, "comments.show")
