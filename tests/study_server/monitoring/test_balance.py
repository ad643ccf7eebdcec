"""The quota of each method, which must not reveal the method of a participant."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.monitoring.balance import measure_balance
from study_server.storage.engine import write_session
from study_server.storage.models import Study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, StudyState
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.monitoring.people import take_part


def test_nobody_makes_no_balance(db: Session, study: Study) -> None:
    assert measure_balance(db, study, Mode.LIVE) is None


def test_methods_that_identify_what_a_participant_sees_are_hidden_while_blinded(
    db: Session, study: Study
) -> None:
    for name in "abc":
        take_part(db, study, name, 0)
    balance = measure_balance(db, study, Mode.LIVE)
    assert balance is not None
    assert (balance.unit, balance.by_method) == ("participants", {})
    assert (balance.least, balance.most) == (1, 2)
    study.state = StudyState.CLOSED
    balance = measure_balance(db, study, Mode.LIVE)
    assert balance is not None
    assert sorted(balance.by_method) == ["l2", "mcl"]
    assert sum(balance.by_method.values()) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_methods_that_everybody_sees_have_their_planned_views(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    open_study(engine, short_protocol(assignment="within"), manifest, tmp_path)
    with write_session(engine) as db:
        study = find_study(db, "short")
        for name in "ab":
            take_part(db, study, name, 0)
        balance = measure_balance(db, study, Mode.LIVE)
    assert balance is not None
    assert balance.by_method == {"l2": 4, "mcl": 4, "real": 8}
    assert (balance.least, balance.most) == (4, 4)
