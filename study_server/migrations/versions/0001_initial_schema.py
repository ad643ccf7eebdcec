"""Create all tables and the views that the export reads.

Constraints are named by the naming convention of `study_server.storage.models`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SHOWN = """
WITH shown AS (
  SELECT trial.*, ROW_NUMBER() OVER (
    PARTITION BY trial.participant_id ORDER BY trial.started_at, trial.place, trial.attempt
  ) - 1 AS position
  FROM trial
  WHERE trial.started_at IS NOT NULL
)
"""

# Defines what leaves the database: one row per trial that was shown (docs/formats.md). Withdrawal
# deletes rows, so participants who withdrew are not in it. The columns image, method, real_image,
# truth and answer are empty if the task has no right answers, which is when `question` is empty.
RESPONSES_EXPORT = f"""
CREATE VIEW responses_export AS {SHOWN}
SELECT
  study.slug AS study,
  participant.public_id AS participant,
  COALESCE(identity.person, '') AS person,
  participant.outcome AS outcome,
  participant.mode AS mode,
  shown.kind AS kind,
  shown.block AS block,
  shown.position AS position,
  study.task AS task,
  (SELECT COUNT(*) FROM trial_stimulus AS one
    WHERE one.trial_id = shown.id AND one.role = 'candidate') AS candidates,
  study.presentation AS presentation,
  study.question AS question,
  CASE
    WHEN study.question = '' THEN ''
    WHEN right_image.id IS NULL OR left_image.method <> 'real' THEN left_image.image
    ELSE right_image.image
  END AS image,
  CASE
    WHEN study.question = '' THEN ''
    WHEN right_image.id IS NULL OR left_image.method <> 'real' THEN left_image.method
    ELSE right_image.method
  END AS method,
  CASE
    WHEN study.question = '' OR right_image.id IS NULL THEN ''
    WHEN left_image.method = 'real' THEN left_image.image
    ELSE right_image.image
  END AS real_image,
  COALESCE(CAST(repeated.position AS TEXT), '') AS repeat_of,
  CASE
    WHEN study.question = '' THEN ''
    WHEN right_image.id IS NULL
      THEN CASE WHEN left_image.method = 'real' THEN 'real' ELSE 'fake' END
    WHEN left_image.method <> 'real' THEN 'left'
    ELSE 'right'
  END AS truth,
  CASE
    WHEN study.question = '' OR left_said.value IS NULL THEN ''
    WHEN right_image.id IS NULL THEN CASE WHEN left_said.value = 1 THEN 'real' ELSE 'fake' END
    WHEN (left_said.value = 1) = (study.question = 'real') THEN 'left'
    ELSE 'right'
  END AS answer,
  response.rt_ms AS rt_ms,
  shown.exposure_ms AS exposure_ms,
  response.first_ms AS first_ms,
  response.second_ms AS second_ms,
  TRIM(
    CASE WHEN shown.voided OR shown.reshown THEN 'voided ' ELSE '' END
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
LEFT JOIN identity ON identity.participant_id = participant.id
LEFT JOIN trial_stimulus AS left_slot ON left_slot.trial_id = shown.id AND left_slot.slot = 0
LEFT JOIN stimulus AS left_image ON left_image.id = left_slot.stimulus_id
LEFT JOIN trial_stimulus AS right_slot ON right_slot.trial_id = shown.id AND right_slot.slot = 1
LEFT JOIN stimulus AS right_image ON right_image.id = right_slot.stimulus_id
LEFT JOIN judgment AS left_said
  ON left_said.trial_id = shown.id AND left_said.slot = 0 AND left_said.scale = 'real'
LEFT JOIN response ON response.trial_id = shown.id
LEFT JOIN shown AS repeated ON repeated.participant_id = shown.participant_id
  AND repeated.place = shown.repeat_of AND NOT repeated.voided
"""

# One row per candidate of a trial that was shown and per scale of its answer.
JUDGMENTS_EXPORT = f"""
CREATE VIEW judgments_export AS {SHOWN}
SELECT
  study.slug AS study,
  participant.public_id AS participant,
  participant.mode AS mode,
  shown.kind AS kind,
  shown.position AS position,
  candidate.slot AS slot,
  stimulus.image AS image,
  stimulus.method AS method,
  COALESCE(judgment.scale, '') AS scale,
  CASE WHEN judgment.scale = 'rank' THEN CAST(judgment.value AS INTEGER) END AS rank,
  CASE WHEN judgment.scale <> 'rank' THEN judgment.value END AS score,
  CASE WHEN candidate.appears = 0 THEN response.first_ms ELSE response.second_ms END AS shown_ms
FROM shown
JOIN participant ON participant.id = shown.participant_id
JOIN study ON study.id = participant.study_id
JOIN trial_stimulus AS candidate
  ON candidate.trial_id = shown.id AND candidate.role = 'candidate'
JOIN stimulus ON stimulus.id = candidate.stimulus_id
LEFT JOIN response ON response.trial_id = shown.id
LEFT JOIN judgment ON judgment.trial_id = shown.id AND judgment.slot = candidate.slot
"""

# The measurements of the player that responses.csv leaves out.
TIMING_EXPORT = f"""
CREATE VIEW timing_export AS {SHOWN}
SELECT
  study.slug AS study,
  participant.public_id AS participant,
  participant.mode AS mode,
  shown.position AS position,
  (SELECT first.slot FROM trial_stimulus AS first
    WHERE first.trial_id = shown.id AND first.appears = 0 AND study.presentation = 'sequential'
      AND first.role = 'candidate'
  ) AS first_slot,
  response.first_frames AS first_frames,
  response.second_frames AS second_frames,
  response.early AS early,
  response.held AS held,
  COALESCE(response.input, '') AS input,
  response.scale AS scale
FROM shown
JOIN participant ON participant.id = shown.participant_id
JOIN study ON study.id = participant.study_id
LEFT JOIN response ON response.trial_id = shown.id
"""

# One row per answer to one of the study's own questions.
QUESTIONNAIRE_EXPORT = """
CREATE VIEW questionnaire_export AS
SELECT
  study.slug AS study,
  participant.public_id AS participant,
  participant.mode AS mode,
  question_answer.name AS name,
  question_answer.type AS type,
  COALESCE(question_answer.value, '') AS value
FROM question_answer
JOIN participant ON participant.id = question_answer.participant_id
JOIN study ON study.id = participant.study_id
"""

# One row per change of a setting after the freeze.
CHANGES_EXPORT = """
CREATE VIEW changes_export AS
SELECT
  study.slug AS study,
  {changed_at} AS changed_at,
  study_change.changed_by AS by,
  study_change.setting AS setting,
  study_change.before AS before,
  study_change.after AS after,
  study_change.complete_count AS complete
FROM study_change
JOIN study ON study.id = study_change.study_id
"""

# One row per query parameter of the entry link that the study stores.
LINK_PARAMETERS_EXPORT = """
CREATE VIEW link_parameters_export AS
SELECT
  study.slug AS study,
  participant.public_id AS participant,
  participant.mode AS mode,
  link_parameter.name AS name,
  link_parameter.value AS value
FROM link_parameter
JOIN participant ON participant.id = link_parameter.participant_id
JOIN study ON study.id = participant.study_id
"""

ISO_8601 = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%f+00:00', {})",
    "postgresql": """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')""",
}


def upgrade() -> None:
    """Create all tables and views."""
    _create_study_tables()
    _create_participant_tables()
    _create_trial_tables()
    _create_job_table()
    _create_researcher_tables()
    create_views()


def create_views() -> None:
    """Create the views; a later revision that copies one of their tables calls this, too."""
    moment = ISO_8601[op.get_bind().dialect.name]
    op.execute(
        RESPONSES_EXPORT.format(
            started_at=moment.format("shown.started_at"),
            received_at=moment.format("response.received_at"),
        )
    )
    op.execute(JUDGMENTS_EXPORT)
    op.execute(TIMING_EXPORT)
    op.execute(QUESTIONNAIRE_EXPORT)
    op.execute(CHANGES_EXPORT.format(changed_at=moment.format("study_change.changed_at")))
    op.execute(LINK_PARAMETERS_EXPORT)


def drop_views() -> None:
    """Drop the views, because neither database alters a table that a view uses."""
    op.execute("DROP VIEW changes_export")
    op.execute("DROP VIEW link_parameters_export")
    op.execute("DROP VIEW questionnaire_export")
    op.execute("DROP VIEW timing_export")
    op.execute("DROP VIEW judgments_export")
    op.execute("DROP VIEW responses_export")


def _create_study_tables() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.Text(), nullable=False, unique=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", _one_of("studystate", "draft open paused closed"), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("presentation", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("schedule_seed", sa.Text(), nullable=False),
        sa.Column("identity_key", sa.LargeBinary(), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("design", sa.Text()),
        sa.Column("design_sha256", sa.Text()),
        sa.Column("draft_plan", sa.Text()),
        sa.Column("stop_at", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("withdrawn_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unsuitable_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "study_tag",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("tag", sa.Text(), primary_key=True),
        sa.CheckConstraint("tag <> ''", name="not_empty"),
    )
    op.create_table(
        "stimulus",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.Integer(), _parent("study"), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("method", _method_name(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False, unique=True),
        sa.Column("file_bytes", sa.Integer(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("study_id", "image", "method"),
        sa.CheckConstraint("width > 0 AND height > 0", name="has_pixels"),
        sa.CheckConstraint("file_bytes > 0", name="has_bytes"),
    )
    op.create_table(
        "wording",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("language", sa.Text(), primary_key=True),
        sa.Column(
            "part",
            _one_of("wordingpart", "consent instructions question debrief"),
            primary_key=True,
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("text <> ''", name="not_empty"),
    )
    op.create_table(
        "platform_completion",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("source", _source(), primary_key=True),
        sa.Column("outcome", _outcome(), primary_key=True),
        sa.Column("code_or_url", sa.Text(), nullable=False),
        sa.CheckConstraint("code_or_url <> ''", name="not_empty"),
    )
    op.create_table(
        "accepted_warning",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
    )
    op.create_table(
        "unblinding",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.Integer(), _parent("study"), nullable=False, index=True),
        sa.Column("unblinded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unblinded_by", sa.Text(), nullable=False),
        sa.Column("complete_count", sa.Integer(), nullable=False),
    )
    op.create_table(
        "source_quota",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("source", _source(), primary_key=True),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.CheckConstraint("places >= 0", name="places_not_negative"),
    )
    op.create_table(
        "study_change",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.Integer(), _parent("study"), nullable=False, index=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("complete_count", sa.Integer(), nullable=False),
    )


def _create_participant_tables() -> None:
    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.Integer(), _parent("study"), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, unique=True),
        sa.Column("mode", _one_of("mode", "live preview simulated"), nullable=False),
        sa.Column("source", _source(), nullable=False),
        sa.Column("outcome", _outcome(), nullable=False),
        sa.Column("assigned_method", sa.Text()),
        sa.Column("language", sa.Text(), nullable=False, server_default="en"),
        sa.Column("consent_version", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("comment_read", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("interruptions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("shared_browser", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("pay_state", _one_of("paystate", "paid rejected returned")),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("study_id", "public_id"),
        sa.Index(
            "ix_participant_study_id_outcome_last_seen_at", "study_id", "outcome", "last_seen_at"
        ),
        sa.Index("ix_participant_study_id_outcome_started_at", "study_id", "outcome", "started_at"),
    )
    op.create_table(
        "identity",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("study_id", sa.Integer(), _parent("study"), nullable=False),
        sa.Column("source", _source(), nullable=False),
        sa.Column("external_id_digest", sa.Text(), nullable=False),
        sa.Column("return_digest", sa.Text()),
        sa.Column("person", sa.Text(), index=True),
        sa.UniqueConstraint("study_id", "source", "external_id_digest"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("withdrawn_on", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "screening",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("color_vision", _one_of("colorvision", "normal deficient unknown")),
        sa.Column("night_light", _one_of("nightlight", "off on unknown")),
        sa.Column("plates_correct", sa.Integer()),
        sa.CheckConstraint("plates_correct >= 0", name="plates_not_negative"),
    )
    op.create_table(
        "submitted_page",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("page", _one_of("questionpage", "before after"), primary_key=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "question_answer",
        sa.Column("participant_id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("page", _one_of("questionpage", "before after"), nullable=False),
        sa.Column("type", _one_of("questiontype", "choice number text"), nullable=False),
        sa.Column("value", sa.Text()),
        sa.ForeignKeyConstraint(
            ["participant_id", "page"],
            ["submitted_page.participant_id", "submitted_page.page"],
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("name <> ''", name="question_named"),
        sa.CheckConstraint("value <> ''", name="value_not_empty"),
    )
    op.create_table(
        "link_parameter",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.CheckConstraint("name <> ''", name="parameter_named"),
        sa.CheckConstraint("value <> '' AND length(value) <= 200", name="value_has_a_length"),
    )
    op.create_table(
        "environment",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("refresh_hz", sa.Double(), nullable=False),
        sa.Column("device_pixel_ratio", sa.Double(), nullable=False),
        sa.Column("viewport", sa.Text(), nullable=False),
        sa.Column("color_gamut", sa.Text(), nullable=False),
        sa.Column("dynamic_range", sa.Text(), nullable=False, server_default=""),
        sa.Column("inverted_colors", sa.Boolean(), nullable=False),
        sa.Column("forced_colors", sa.Boolean(), nullable=False),
        sa.Column("webdriver", sa.Boolean()),
    )


def _create_trial_tables() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("participant_id", sa.Integer(), _parent("participant"), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column(
            "kind", _one_of("trialkind", "qualification practice test attention"), nullable=False
        ),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, unique=True),
        sa.Column("exposure_ms", sa.Integer()),
        sa.Column("repeat_of", sa.Integer()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.Column("reshown", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("participant_id", "place", "attempt"),
        sa.CheckConstraint("place >= 0 AND attempt >= 0 AND block >= 0", name="counts_from_zero"),
        sa.CheckConstraint("repeat_of >= 0 AND repeat_of < place", name="repeats_an_earlier_one"),
        sa.CheckConstraint("exposure_ms > 0", name="exposure_positive"),
    )
    op.create_table(
        "trial_stimulus",
        sa.Column("trial_id", sa.Integer(), _parent("trial"), primary_key=True),
        sa.Column("slot", sa.Integer(), primary_key=True),
        sa.Column("stimulus_id", sa.Integer(), sa.ForeignKey("stimulus.id"), nullable=False),
        sa.Column(
            "role",
            _one_of("stimulusrole", "candidate reference"),
            nullable=False,
            server_default="candidate",
        ),
        sa.Column("appears", sa.Integer(), nullable=False, server_default="0"),
        sa.UniqueConstraint("trial_id", "stimulus_id", "role"),
        sa.CheckConstraint("slot >= 0 AND appears >= 0", name="counts_from_zero"),
    )
    op.create_table(
        "response",
        sa.Column("trial_id", sa.Integer(), _parent("trial"), primary_key=True),
        sa.Column("rt_ms", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.Double(), nullable=False),
        sa.Column("second_ms", sa.Double()),
        sa.Column("first_frames", sa.Integer()),
        sa.Column("second_frames", sa.Integer()),
        sa.Column("early", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("held", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("input", sa.Text(), nullable=False, server_default=""),
        sa.Column("scale", sa.Double()),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("blurred", sa.Boolean(), nullable=False),
        sa.Column("resized", sa.Boolean(), nullable=False),
        sa.Column("slow_frame", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("attention_passed", sa.Boolean()),
        sa.CheckConstraint("rt_ms >= 0", name="rt_not_negative"),
        sa.CheckConstraint("first_ms >= 0 AND second_ms >= 0", name="shown_not_negative"),
        sa.CheckConstraint("first_frames >= 0 AND second_frames >= 0", name="frames_not_negative"),
        sa.CheckConstraint("early >= 0 AND held >= 0", name="ignored_not_negative"),
        sa.CheckConstraint("scale > 0", name="scale_positive"),
    )
    op.create_table(
        "judgment",
        sa.Column("trial_id", sa.Integer(), _parent("response", "trial_id"), primary_key=True),
        sa.Column("slot", sa.Integer(), primary_key=True),
        sa.Column("scale", sa.Text(), primary_key=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id", "slot"],
            ["trial_stimulus.trial_id", "trial_stimulus.slot"],
            name="fk_judgment_slot",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("scale <> ''", name="scale_named"),
        sa.CheckConstraint("scale <> 'rank' OR value >= 1", name="rank_from_one"),
        sa.CheckConstraint("scale <> 'real' OR value IN (0, 1)", name="real_or_not"),
    )
    for table, columns, counted in (
        ("stimulus_count", [], "trials"),
        ("pair_count", ["method_a", "method_b"], "trials"),
        ("method_count", ["method"], "participants"),
    ):
        stimulus = [sa.Column("stimulus_id", sa.Integer(), _parent("stimulus"), primary_key=True)]
        op.create_table(
            table,
            sa.Column("study_id", sa.Integer(), _parent("study"), primary_key=True),
            sa.Column("mode", _one_of("mode", "live preview simulated"), primary_key=True),
            *([sa.Column(name, sa.Text(), primary_key=True) for name in columns] or stimulus),
            sa.Column(counted, sa.Integer(), nullable=False),
        )
    op.create_table(
        "incident",
        sa.Column("trial_id", sa.Integer(), _parent("trial"), primary_key=True),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slot >= 0", name="counts_from_zero"),
    )
    op.create_table(
        "stored_counts",
        sa.Column("participant_id", sa.Integer(), _parent("participant"), primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fast_ms", sa.Double(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("exposure_errors", sa.Text(), nullable=False),
    )


def _create_job_table() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "kind",
            _one_of("jobkind", "erase_traces simulate report monitor import publish"),
            nullable=False,
        ),
        sa.Column("study_id", sa.Integer(), _parent("study")),
        sa.Column("payload", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("state", _one_of("jobstate", "waiting running done failed"), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False, server_default="0"),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("exit_status", sa.Integer()),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name="progress_is_a_proportion"),
        sa.CheckConstraint(
            "state <> 'running' OR (claim IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name="running_is_claimed",
        ),
        sa.Index("ix_job_state", "state", "due_at"),
    )


def _create_researcher_tables() -> None:
    op.create_table(
        "researcher",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("role", _one_of("role", "owner viewer"), nullable=False, server_default="owner"),
        sa.Column("password_hash", sa.Text()),
    )
    op.create_table(
        "logged_action",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.Text(), nullable=False, index=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "login_link",
        sa.Column("token_digest", sa.Text(), primary_key=True),
        sa.Column("researcher_id", sa.Integer(), _parent("researcher"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )


def _parent(table: str, key: str = "id") -> sa.ForeignKey:
    """Return a reference whose row is deleted with the row that it refers to."""
    return sa.ForeignKey(f"{table}.{key}", ondelete="CASCADE")


def _method_name() -> sa.Text:
    """Return the type of a text that both databases compare as Python does."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _one_of(name: str, values: str) -> sa.Enum:
    """Return a text type that a CHECK constraint of this name limits to the values."""
    return sa.Enum(*values.split(), name=name, native_enum=False, create_constraint=True, length=16)


def _source() -> sa.Enum:
    return _one_of("recruitmentsource", "link prolific mturk sona")


def _outcome() -> sa.Enum:
    return _one_of("outcome", "active complete screened_out abandoned timed_out returned")


def downgrade() -> None:
    """Drop every table, children first, with all rows."""
    drop_views()
    for table in (
        "login_link", "logged_action", "researcher", "job", "method_count", "pair_count",
        "stimulus_count", "stored_counts", "incident", "judgment", "response", "trial_stimulus",
        "trial", "environment", "link_parameter", "question_answer", "submitted_page", "screening",
        "withdrawal", "identity", "participant", "study_change", "source_quota", "unblinding",
        "accepted_warning", "platform_completion", "wording", "stimulus", "study_tag", "study",
    ):  # fmt: skip
        op.drop_table(table)
