"""Limits per address, counted in the memory of each process; no address is stored."""

from collections import defaultdict
from threading import Lock

from flask import abort, current_app, request
from limits import RateLimitItem
from sqlalchemy.orm import Session

from study_server.participants.participation import find_without_answer
from study_server.storage.models import Participant


class TooManyUnansweredError(Exception):
    """Too many people at this address have started without answering a trial."""


class UnansweredEnrollments:
    """The participants who enrolled from each address and may not have answered a trial yet.

    The total number of people is not limited, because a whole campus may share an address: a
    participant who answers a trial makes room for the next.
    """

    def __init__(self, limit: int) -> None:
        """Set the limit per address; 0 means no limit."""
        self._limit = limit
        self._ids_by_address = defaultdict[str, list[int]](list)
        self._lock = Lock()

    def add(self, address: str, participant_id: int) -> None:
        """Count a participant who has just enrolled."""
        if self._limit:
            with self._lock:
                self._ids_by_address[address].append(participant_id)

    def require_room(self, db: Session, address: str) -> None:
        """Raise TooManyUnansweredError if there are already as many as allowed."""
        with self._lock:
            enrolled = list(self._ids_by_address.get(address, ()))
        if not self._limit or len(enrolled) < self._limit:
            return
        waiting = find_without_answer(db, enrolled)
        with self._lock:  # others may have enrolled meanwhile
            gone = set(enrolled) - set(waiting)
            self._ids_by_address[address] = [
                id_ for id_ in self._ids_by_address[address] if id_ not in gone
            ]
        if len(waiting) >= self._limit:
            raise TooManyUnansweredError


def limit_attempts(limit: RateLimitItem, kind: str) -> None:
    """Count an attempt of this kind by the address of the request; 429 if there are too many."""
    if not current_app.extensions["limiter"].hit(limit, kind, request.remote_addr):
        abort(429)


def require_room(db: Session) -> None:
    """Raise TooManyUnansweredError if the address of the request may not enroll more people."""
    current_app.extensions["unanswered"].require_room(db, str(request.remote_addr))


def count_enrollment(participant: Participant) -> None:
    """Count a participant who has just enrolled from the address of the request."""
    current_app.extensions["unanswered"].add(str(request.remote_addr), participant.id)
