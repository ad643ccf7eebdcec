"""The first schema: studies, stimuli, participants, trials, responses, and the export's view."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What leaves the database, one row a trial that was shown (docs/formats.md). Withdrawal deletes,
# so whoever withdrew is not here.
RESPONSES_EXPORT = """
CREATE VIEW responses_export AS
SELECT
  study.slug AS study,
  participant.name AS participant,
  participant.outcome AS outcome,
  participant.mode AS mode,
  trial.kind AS kind,
  trial.block AS block,
  ROW_NUMBER() OVER (
    PARTITION BY participant.id ORDER BY trial.slot, trial.attempt
  ) - 1 AS position,
  study.presentation AS presentation,
  study.question AS question,
  fake.image AS image,
  fake.method AS method,
  original.image AS real_image,
  '' AS repeat_of,
  trial.fake_side AS truth,
  COALESCE(response.answer, '') AS answer,
  response.rt_ms AS rt_ms,
  trial.exposure_ms AS exposure_ms,
  response.first_ms AS first_ms,
  response.second_ms AS second_ms,
  TRIM(
    CASE WHEN trial.voided THEN 'voided ' ELSE '' END
    || CASE WHEN response.hidden THEN 'hidden ' ELSE '' END
    || CASE WHEN response.blurred THEN 'blurred ' ELSE '' END
    || CASE WHEN response.resized THEN 'resized ' ELSE '' END
    || CASE WHEN response.slow_frame THEN 'slow_frame ' ELSE '' END
    || CASE WHEN response.late THEN 'late ' ELSE '' END
  ) AS flags,
  {started_at} AS started_at,
  {received_at} AS received_at,
  COALESCE(study.design_sha256, '') AS design_sha256
FROM trial
JOIN participant ON participant.id = trial.participant_id
JOIN study ON study.id = participant.study_id
JOIN stimulus AS fake ON fake.id = trial.fake_id
JOIN stimulus AS original ON original.id = trial.real_id
LEFT JOIN response ON response.trial_id = trial.id
WHERE trial.started_at IS NOT NULL
"""

ISO_8601 = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%f+00:00', {})",
    "postgresql": """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')""",
}


def view() -> str:
    moment = ISO_8601[op.get_bind().dialect.name]
    return RESPONSES_EXPORT.format(
        started_at=moment.format("trial.started_at"),
        received_at=moment.format("response.received_at"),
    )


def upgrade() -> None:
    op.create_table(
        "researcher",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_researcher")),
        sa.UniqueConstraint("name", name=op.f("uq_researcher_name")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "open",
                "paused",
                "closed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("presentation", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("schedule_seed", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("design_sha256", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("slug", name=op.f("uq_study_slug")),
    )
    op.create_table(
        "login_link",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("researcher_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["researcher_id"],
            ["researcher.id"],
            name=op.f("fk_login_link_researcher_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_link")),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "live",
                "preview",
                "simulated",
                name="mode",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "link",
                "prolific",
                "mturk",
                "sona",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "active",
                "complete",
                "screened_out",
                "abandoned",
                "timed_out",
                "returned",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("consent_version", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_participant_study_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("study_id", "name", name=op.f("uq_participant_study_id_name")),
        sa.UniqueConstraint("token", name=op.f("uq_participant_token")),
    )
    op.create_index(op.f("ix_participant_study_id"), "participant", ["study_id"], unique=False)
    op.create_table(
        "stimulus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_stimulus_has_pixels")),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_stimulus_study_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stimulus")),
        sa.UniqueConstraint("file", name=op.f("uq_stimulus_file")),
        sa.UniqueConstraint(
            "study_id", "image", "method", name=op.f("uq_stimulus_study_id_image_method")
        ),
    )
    op.create_table(
        "environment",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("refresh_hz", sa.Double(), nullable=False),
        sa.Column("device_pixel_ratio", sa.Double(), nullable=False),
        sa.Column("viewport", sa.Text(), nullable=False),
        sa.Column("color_gamut", sa.Text(), nullable=False),
        sa.Column("inverted_colors", sa.Boolean(), nullable=False),
        sa.Column("forced_colors", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_environment_participant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_environment")),
    )
    op.create_table(
        "identity",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "link",
                "prolific",
                "mturk",
                "sona",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_identity_participant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_identity_study_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_identity")),
        sa.UniqueConstraint(
            "study_id", "source", "digest", name=op.f("uq_identity_study_id_source_digest")
        ),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "qualification",
                "practice",
                "test",
                "vigilance",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("fake_id", sa.Integer(), nullable=False),
        sa.Column("real_id", sa.Integer(), nullable=False),
        sa.Column(
            "fake_side",
            sa.Enum(
                "left", "right", name="side", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("exposure_ms", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.CheckConstraint("exposure_ms > 0", name=op.f("ck_trial_exposure_positive")),
        sa.CheckConstraint("fake_id <> real_id", name=op.f("ck_trial_two_images")),
        sa.CheckConstraint(
            "slot >= 0 AND attempt >= 0 AND block >= 0", name=op.f("ck_trial_counts_from_zero")
        ),
        sa.ForeignKeyConstraint(["fake_id"], ["stimulus.id"], name=op.f("fk_trial_fake_id")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_trial_participant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["real_id"], ["stimulus.id"], name=op.f("fk_trial_real_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint(
            "participant_id", "slot", "attempt", name=op.f("uq_trial_participant_id_slot_attempt")
        ),
        sa.UniqueConstraint("token", name=op.f("uq_trial_token")),
    )
    op.create_table(
        "response",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column(
            "answer",
            sa.Enum(
                "left", "right", name="side", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("rt_ms", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.Double(), nullable=False),
        sa.Column("second_ms", sa.Double(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("blurred", sa.Boolean(), nullable=False),
        sa.Column("resized", sa.Boolean(), nullable=False),
        sa.Column("slow_frame", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "first_ms >= 0 AND second_ms >= 0", name=op.f("ck_response_shown_not_negative")
        ),
        sa.CheckConstraint("rt_ms >= 0", name=op.f("ck_response_rt_not_negative")),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trial.id"], name=op.f("fk_response_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", name=op.f("pk_response")),
    )
    op.execute(view())


def downgrade() -> None:
    op.execute("DROP VIEW responses_export")
    op.drop_table("response")
    op.drop_table("trial")
    op.drop_table("identity")
    op.drop_table("environment")
    op.drop_table("stimulus")
    op.drop_index(op.f("ix_participant_study_id"), table_name="participant")
    op.drop_table("participant")
    op.drop_table("login_link")
    op.drop_table("study")
    op.drop_table("researcher")
