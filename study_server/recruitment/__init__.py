"""Recruitment: invitations, recruitment platforms and completion codes."""
