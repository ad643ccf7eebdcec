"""The trial API under /api/v1, with which a lab's own front end runs a study.

It calls the same services as the participants' pages. It uses no cookies: the header
`Authorization: Bearer TOKEN` identifies the participant, so requests from all origins are safe.
"""
