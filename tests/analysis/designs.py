"""design.json as `study freeze` writes it, for a study of two people."""

import json
from pathlib import Path
from typing import Any


def make_design(
    protocol: dict[str, Any] | None = None, plan: dict[str, Any] | None = None
) -> dict[str, Any]:
    """protocol, plan: what is otherwise than usual."""
    return {
        "schema": "hue-and-eye/design/1",
        "study": "trees",
        "protocol": {
            "slug": "trees",
            "title": "Which one is gefälscht?",
            "methods": ["mcl"],
            "assignment": "between",
            "presentation": "sequential",
            "question": "fake",
            "practice": 0,
            "trials": 40,
            "attention_checks": 4,
            "exposure_ms": 1000,
        }
        | (protocol or {}),
        "wording_sha256": "0" * 64,
        "schedule_seed_sha256": "2" * 64,
        "manifest_sha256": "1" * 64,
        "accepted_warnings": [],
        "plan": {
            "hypotheses": ["mcl fools less than half"],
            "exclusions": {},
            "margin": 0.05,
            "participants": 2,
            "stopping": "at two participants",
        }
        | (plan or {}),
    }


def write_json(path: Path, value: Any) -> Path:
    """Canonical JSON at `path`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text, "utf-8")
    return path
