"""Single images, unlimited exposures, random order, repeats; what the player notes."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

first_schema = import_module("study_server.migrations.versions.0001_first_schema")

SHOWN = """
WITH shown AS (
  SELECT trial.*, ROW_NUMBER() OVER (
    PARTITION BY trial.participant_id ORDER BY trial.started_at, trial.slot, trial.attempt
  ) - 1 AS position
  FROM trial
  WHERE trial.started_at IS NOT NULL
)
"""

# What leaves the database, one row a trial that was shown (docs/formats.md). Withdrawal deletes, so
# whoever withdrew is not here.
RESPONSES_EXPORT = f"""
CREATE VIEW responses_export AS {SHOWN}
SELECT
  study.slug AS study,
  participant.name AS participant,
  participant.outcome AS outcome,
  participant.mode AS mode,
  shown.kind AS kind,
  shown.block AS block,
  shown.position AS position,
  study.presentation AS presentation,
  study.question AS question,
  COALESCE(fake.image, original.image) AS image,
  COALESCE(fake.method, original.method) AS method,
  CASE WHEN shown.fake_side IS NULL THEN '' ELSE original.image END AS real_image,
  COALESCE(CAST(repeated.position AS TEXT), '') AS repeat_of,
  COALESCE(shown.fake_side, CASE WHEN fake.id IS NULL THEN 'real' ELSE 'fake' END) AS truth,
  COALESCE(response.answer, '') AS answer,
  response.rt_ms AS rt_ms,
  shown.exposure_ms AS exposure_ms,
  response.first_ms AS first_ms,
  response.second_ms AS second_ms,
  TRIM(
    CASE WHEN shown.voided THEN 'voided ' ELSE '' END
    || CASE WHEN response.hidden THEN 'hidden ' ELSE '' END
    || CASE WHEN response.blurred THEN 'blurred ' ELSE '' END
    || CASE WHEN response.resized THEN 'resized ' ELSE '' END
    || CASE WHEN response.slow_frame THEN 'slow_frame ' ELSE '' END
    || CASE WHEN response.late THEN 'late ' ELSE '' END
  ) AS flags,
  {{started_at}} AS started_at,
  {{received_at}} AS received_at,
  COALESCE(study.design_sha256, '') AS design_sha256
FROM shown
JOIN participant ON participant.id = shown.participant_id
JOIN study ON study.id = participant.study_id
LEFT JOIN stimulus AS fake ON fake.id = shown.fake_id
LEFT JOIN stimulus AS original ON original.id = shown.real_id
LEFT JOIN response ON response.trial_id = shown.id
LEFT JOIN shown AS repeated ON repeated.participant_id = shown.participant_id
  AND repeated.slot = shown.repeat_of AND NOT repeated.voided
"""

# What the player noted beyond that.
TIMING_EXPORT = f"""
CREATE VIEW timing_export AS {SHOWN}
SELECT
  study.slug AS study,
  participant.name AS participant,
  participant.mode AS mode,
  shown.position AS position,
  COALESCE(shown.first_side, '') AS first_side,
  response.first_frames AS first_frames,
  response.second_frames AS second_frames,
  response.early AS early,
  response.held AS held
FROM shown
JOIN participant ON participant.id = shown.participant_id
JOIN study ON study.id = participant.study_id
LEFT JOIN response ON response.trial_id = shown.id
"""

PAIR_OR_SINGLE = (
    "(fake_id IS NOT NULL AND real_id IS NOT NULL AND fake_side IS NOT NULL) OR "
    "(fake_side IS NULL AND first_side IS NULL AND (fake_id IS NULL) <> (real_id IS NULL))"
)
SIDE, CHOICE = "{} IN ('left', 'right')", "{} IN ('left', 'right', 'fake', 'real')"


def upgrade() -> None:
    op.execute("DROP VIEW responses_export")
    with op.batch_alter_table("trial", copy_from=_trial()) as batch:
        for column in ("fake_id", "real_id", "fake_side", "exposure_ms"):
            batch.alter_column(column, nullable=True)
        batch.add_column(sa.Column("first_side", sa.String(16), nullable=True))
        batch.add_column(sa.Column("repeat_of", sa.Integer(), nullable=True))
        batch.create_check_constraint("first_side", SIDE.format("first_side"))
        batch.create_check_constraint("pair_or_single", PAIR_OR_SINGLE)
        batch.create_check_constraint(
            "repeats_an_earlier_one", "repeat_of >= 0 AND repeat_of < slot"
        )
    op.execute("UPDATE trial SET first_side = 'left'")  # so it was always
    with op.batch_alter_table("response", copy_from=_response()) as batch:
        batch.drop_constraint(op.f("ck_response_side"), type_="check")
        batch.create_check_constraint("choice", CHOICE.format("answer"))
        batch.alter_column("second_ms", nullable=True)
        for column in ("first_frames", "second_frames"):
            batch.add_column(sa.Column(column, sa.Integer(), nullable=True))
        for column in ("early", "held"):
            batch.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        batch.create_check_constraint(
            "frames_not_negative", "first_frames >= 0 AND second_frames >= 0"
        )
        batch.create_check_constraint("ignored_not_negative", "early >= 0 AND held >= 0")
    op.execute(_view(RESPONSES_EXPORT))
    op.execute(TIMING_EXPORT)


def downgrade() -> None:
    """Trials that the older schema has no place for are lost with their answers."""
    op.execute("DROP VIEW timing_export")
    op.execute("DROP VIEW responses_export")
    unfit = "SELECT id FROM trial WHERE fake_side IS NULL OR exposure_ms IS NULL OR repeat_of >= 0"
    op.execute(f"DELETE FROM response WHERE second_ms IS NULL OR trial_id IN ({unfit})")
    op.execute(f"DELETE FROM trial WHERE id IN ({unfit})")
    with op.batch_alter_table("response", copy_from=_new_response()) as batch:
        for constraint in ("choice", "frames_not_negative", "ignored_not_negative"):
            batch.drop_constraint(op.f(f"ck_response_{constraint}"), type_="check")
        batch.create_check_constraint("side", SIDE.format("answer"))
        batch.alter_column("second_ms", nullable=False)
        for column in ("first_frames", "second_frames", "early", "held"):
            batch.drop_column(column)
    with op.batch_alter_table("trial", copy_from=_new_trial()) as batch:
        for constraint in ("first_side", "pair_or_single", "repeats_an_earlier_one"):
            batch.drop_constraint(op.f(f"ck_trial_{constraint}"), type_="check")
        batch.drop_column("first_side")
        batch.drop_column("repeat_of")
        for column in ("fake_id", "real_id", "fake_side", "exposure_ms"):
            batch.alter_column(column, nullable=False)
    op.execute(first_schema.view())


def _view(query: str) -> str:
    moment = first_schema.ISO_8601[op.get_bind().dialect.name]
    return query.format(
        started_at=moment.format("shown.started_at"),
        received_at=moment.format("response.received_at"),
    )


# SQLite alters a table by copying it and does not tell its CHECK constraints: so these do.


def _trial(*more: sa.schema.SchemaItem, nullable: bool = False) -> sa.Table:
    kinds = "kind IN ('qualification', 'practice', 'test', 'vigilance')"
    return sa.Table(
        "trial",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("fake_id", sa.Integer(), nullable=nullable),
        sa.Column("real_id", sa.Integer(), nullable=nullable),
        sa.Column("fake_side", sa.String(16), nullable=nullable),
        sa.Column("exposure_ms", sa.Integer(), nullable=nullable),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.CheckConstraint(kinds, name="ck_trial_kind"),
        sa.CheckConstraint(SIDE.format("fake_side"), name="ck_trial_side"),
        sa.CheckConstraint("exposure_ms > 0", name="ck_trial_exposure_positive"),
        sa.CheckConstraint("fake_id <> real_id", name="ck_trial_two_images"),
        sa.CheckConstraint(
            "slot >= 0 AND attempt >= 0 AND block >= 0", name="ck_trial_counts_from_zero"
        ),
        sa.ForeignKeyConstraint(["fake_id"], ["stimulus.id"], name="fk_trial_fake_id"),
        sa.ForeignKeyConstraint(["real_id"], ["stimulus.id"], name="fk_trial_real_id"),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name="fk_trial_participant_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trial"),
        sa.UniqueConstraint(
            "participant_id", "slot", "attempt", name="uq_trial_participant_id_slot_attempt"
        ),
        sa.UniqueConstraint("token", name="uq_trial_token"),
        *more,
    )


def _new_trial() -> sa.Table:
    return _trial(
        sa.Column("first_side", sa.String(16), nullable=True),
        sa.Column("repeat_of", sa.Integer(), nullable=True),
        sa.CheckConstraint(SIDE.format("first_side"), name="ck_trial_first_side"),
        sa.CheckConstraint(PAIR_OR_SINGLE, name="ck_trial_pair_or_single"),
        sa.CheckConstraint(
            "repeat_of >= 0 AND repeat_of < slot", name="ck_trial_repeats_an_earlier_one"
        ),
        nullable=True,
    )


def _response(*more: sa.schema.SchemaItem, nullable: bool = False) -> sa.Table:
    flags = ("hidden", "blurred", "resized", "slow_frame", "late")
    return sa.Table(
        "response",
        sa.MetaData(),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        sa.Column("rt_ms", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.Double(), nullable=False),
        sa.Column("second_ms", sa.Double(), nullable=nullable),
        *(sa.Column(flag, sa.Boolean(), nullable=False) for flag in flags),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "first_ms >= 0 AND second_ms >= 0", name="ck_response_shown_not_negative"
        ),
        sa.CheckConstraint("rt_ms >= 0", name="ck_response_rt_not_negative"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trial.id"], name="fk_response_trial_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", name="pk_response"),
        *(more or (sa.CheckConstraint(SIDE.format("answer"), name="ck_response_side"),)),
    )


def _new_response() -> sa.Table:
    return _response(
        *(
            sa.Column(column, sa.Integer(), nullable=True)
            for column in ("first_frames", "second_frames")
        ),
        *(
            sa.Column(column, sa.Integer(), nullable=False, server_default="0")
            for column in ("early", "held")
        ),
        sa.CheckConstraint(CHOICE.format("answer"), name="ck_response_choice"),
        sa.CheckConstraint(
            "first_frames >= 0 AND second_frames >= 0", name="ck_response_frames_not_negative"
        ),
        sa.CheckConstraint("early >= 0 AND held >= 0", name="ck_response_ignored_not_negative"),
        nullable=True,
    )
