"""The tables, with constraints (NOT NULL, UNIQUE, CHECK, foreign keys) that refuse invalid rows."""

from study_server.storage.models.actions import Job, LoggedAction, StudyChange, Unblinding
from study_server.storage.models.base import (
    METHOD_NAME,
    VOCABULARIES,
    Base,
    UtcDateTime,
    vocabulary_type,
)
from study_server.storage.models.counts import MethodCount, PairCount, StimulusCount, StoredCounts
from study_server.storage.models.participants import (
    Environment,
    Identity,
    LinkParameter,
    Participant,
    Screening,
    Withdrawal,
)
from study_server.storage.models.questionnaire import QuestionAnswer, SubmittedPage
from study_server.storage.models.researchers import LoginLink, Researcher
from study_server.storage.models.studies import (
    AcceptedWarning,
    PlatformCompletion,
    SourceQuota,
    Stimulus,
    Study,
    StudyTag,
    Wording,
)
from study_server.storage.models.trials import Incident, Judgment, Response, Trial, TrialStimulus

__all__ = [
    "METHOD_NAME",
    "VOCABULARIES",
    "AcceptedWarning",
    "Base",
    "Environment",
    "Identity",
    "Incident",
    "Job",
    "Judgment",
    "LinkParameter",
    "LoggedAction",
    "LoginLink",
    "MethodCount",
    "PairCount",
    "Participant",
    "PlatformCompletion",
    "QuestionAnswer",
    "Researcher",
    "Response",
    "Screening",
    "SourceQuota",
    "Stimulus",
    "StimulusCount",
    "StoredCounts",
    "Study",
    "StudyChange",
    "StudyTag",
    "SubmittedPage",
    "Trial",
    "TrialStimulus",
    "Unblinding",
    "UtcDateTime",
    "Withdrawal",
    "Wording",
    "vocabulary_type",
]
