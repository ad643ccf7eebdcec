"""Tests of study_server.questionnaire."""
