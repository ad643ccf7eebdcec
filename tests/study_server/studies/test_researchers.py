"""The roles of researchers, and invitations, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from study_server.vocabulary import Role


def test_the_last_owner_cannot_become_a_viewer(engine: Engine) -> None:
    with write_transaction(engine) as db:
        for name, role in (("ada", Role.OWNER), ("bob", Role.VIEWER)):
            researchers.add_researcher(db, name, "hash", role)
        with pytest.raises(StudyError, match="ada is the last owner"):
            researchers.change_role(db, "ada", Role.VIEWER)
        researchers.change_role(db, "bob", Role.OWNER)
        researchers.change_role(db, "ada", Role.VIEWER)
        roles = {one.name: one.role for one in researchers.list_researchers(db)}
        assert roles == {"ada": Role.VIEWER, "bob": Role.OWNER}
        with pytest.raises(StudyError, match="no researcher 'eve'"):
            researchers.change_role(db, "eve", Role.OWNER)


def test_an_invitation_signs_a_new_researcher_in_once(engine: Engine) -> None:
    with write_transaction(engine) as db:
        token = researchers.invite_researcher(db, " bob  b ", Role.VIEWER, timedelta(days=1))
        invited = researchers.redeem_login_token(db, token)
        db.flush()
        assert invited is not None
        assert (invited.name, invited.role) == ("bob b", Role.VIEWER)
        assert researchers.redeem_login_token(db, token) is None
        again = researchers.invite_researcher(db, "bob b", Role.OWNER, timedelta(days=1))
        assert researchers.redeem_login_token(db, again) is invited


def test_nobody_with_a_password_can_be_impersonated_by_an_invitation(engine: Engine) -> None:
    with write_transaction(engine) as db:
        researchers.add_researcher(db, "ada", "hash")
        for name in ("ada", "", "x" * 65):
            with pytest.raises(StudyError):
                researchers.invite_researcher(db, name, Role.VIEWER, timedelta(days=1))
