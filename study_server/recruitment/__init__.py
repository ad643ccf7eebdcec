"""Recruitment: invitations, recruitment platforms, completion codes and pay."""
