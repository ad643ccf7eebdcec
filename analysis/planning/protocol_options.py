"""Take options of `python -m analysis.power` from a protocol: a study.toml or a design.json."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from analysis.formatting import format_count, join_words
from analysis.inputs.design import DesignError, read_design, read_settings
from analysis.inputs.manifest_table import MANIFEST_FILE, read_manifest_table
from analysis.inputs.responses import ResponsesError
from analysis.planning.tasks.planned import PLANNED_TASKS, RATES_TASK

REQUIRED_KEYS = ("task", "methods", "assignment", "trials")
REAL_KEY = "include_real"  # whether the photograph is one of the methods of a judged task
PRESENTATION_KEY = "presentation"  # `single`: half of the trials of real or fake show photographs
STIMULUS_FOLDERS = (".", "outputs")  # `colorizer batch` writes the manifest to the latter


@dataclass(frozen=True)
class ProtocolOptions:
    """The options that a protocol supplies.

    values: options of the command. source: a sentence that says where they come from.
    """

    values: Mapping[str, Any]
    source: str


def read_protocol_options(path: Path) -> ProtocolOptions:
    """Read the task, the methods, the trials and, from a manifest near the file, the photographs.

    Raises UsageError if the file is not a protocol, or lacks what the command needs.
    """
    try:
        protocol, manifest_sha256 = _read_protocol(path)
        _check_keys(path, protocol)
        task = PLANNED_TASKS[protocol["task"]]
        values = {
            "task": task,
            "methods": _count_methods(protocol),
            "trials": _count_trials(protocol),
        }
        if task == RATES_TASK:
            values["design"] = protocol["assignment"]
            values["unpaired"] = protocol.get("paired") is False
        manifest = _find_manifest(path, manifest_sha256)
        if manifest is not None:
            methods_of = _list_methods_of_images(manifest, protocol["methods"])
            values["images"] = len(methods_of)
            if task == RATES_TASK:
                values["unpaired"] = max(map(len, methods_of.values()), default=0) == 1
    except (DesignError, ResponsesError) as error:
        raise click.UsageError(str(error)) from error
    return ProtocolOptions(values, _format_source(path, manifest, values, protocol))


def _read_protocol(path: Path) -> tuple[Mapping[str, Any], str]:
    """Return the protocol and the SHA-256 of its manifest, which is empty if it is not known."""
    if path.suffix == ".toml":
        return read_settings(path), ""
    design = read_design(path)
    return design.protocol, design.manifest_sha256


def _check_keys(path: Path, protocol: Mapping[str, Any]) -> None:
    """Raise DesignError if a key is missing, or has a value that no study has."""
    task, is_judged = protocol.get("task"), protocol.get("task") != RATES_TASK
    for key in (*REQUIRED_KEYS, REAL_KEY if is_judged else PRESENTATION_KEY):
        if key not in protocol:
            raise DesignError(f"{path}: {key} is missing; add it, or use the study's design.json")
    if task not in PLANNED_TASKS:
        raise DesignError(f"{path}: task is {task!r}; expected one of {', '.join(PLANNED_TASKS)}")
    assignment, methods, trials = (protocol[key] for key in ("assignment", "methods", "trials"))
    if assignment not in ("within", "between"):
        raise DesignError(f"{path}: assignment is {assignment!r}; expected within or between")
    if is_judged and assignment == "between":
        raise DesignError(
            f"{path}: assignment is between, but --task {PLANNED_TASKS[task]} plans studies in "
            "which every participant sees all methods; set it to within"
        )
    if not isinstance(methods, list) or not methods:
        raise DesignError(f"{path}: methods is {methods!r}; expected a list of names")
    if not isinstance(trials, int) or trials < 1:
        raise DesignError(f"{path}: trials is {trials!r}; expected a whole number above 0")
    if _count_methods(protocol) < 2:
        raise DesignError(f"{path}: methods has one method; the command compares two of several")


def _count_methods(protocol: Mapping[str, Any]) -> int:
    """Return the number of methods that the report compares, with the photograph if judged."""
    has_photograph = protocol["task"] != RATES_TASK and protocol[REAL_KEY]
    return len(protocol["methods"]) + bool(has_photograph)


def _count_trials(protocol: Mapping[str, Any]) -> int:
    """Return the number of a participant's test trials with a method that the report compares."""
    trials = int(protocol["trials"])
    is_single = protocol["task"] == RATES_TASK and protocol[PRESENTATION_KEY] == "single"
    return (trials + 1) // 2 if is_single else trials


def _find_manifest(path: Path, sha256: str) -> Path | None:
    """Return the manifest near a protocol; it must have the SHA-256, unless that is empty."""
    for folder in STIMULUS_FOLDERS:
        manifest = path.parent / folder / MANIFEST_FILE
        if manifest.is_file():
            found = hashlib.sha256(manifest.read_bytes()).hexdigest()
            if sha256 in ("", found):
                return manifest
    return None


def _list_methods_of_images(manifest: Path, methods: list[str]) -> dict[str, set[str]]:
    """Return which of the methods each source image has a stimulus of, if any."""
    methods_of = defaultdict[str, set[str]](set)
    for row in read_manifest_table(manifest.parent):
        if row["method"] in methods:
            methods_of[row["image"]].add(row["method"])
    return methods_of


def _format_source(
    path: Path, manifest: Path | None, values: Mapping[str, Any], protocol: Mapping[str, Any]
) -> str:
    task, is_halved = protocol["task"], values["trials"] < protocol["trials"]
    design = f" ({values['design']} participants)" if "design" in values else ""
    planned = f", planned as {values['task']}" if task != values["task"] else ""
    parts = [
        f"task {task}{planned}",
        f"{format_count(values['methods'], 'method', 'methods')}{design}",
        f"{format_count(values['trials'], 'trial', 'trials')}{' with fakes' * is_halved}",
    ]
    if "images" in values:
        unpaired = " (unpaired)" if values.get("unpaired") else ""
        parts.append(f"{format_count(values['images'], 'photograph', 'photographs')}{unpaired}")
    return f"{path}{f' and {manifest}' if manifest else ''}: {join_words(parts)}"
