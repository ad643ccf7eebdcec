"""What leaves the database, column by column: the tables of docs/formats.md."""

from collections.abc import Mapping

FORMAT_VERSION = "hue-and-eye/1"

RESPONSE_COLUMNS = {
    "study": "slug of the study",
    "participant": "opaque id, never a crowd worker's",
    "outcome": "of the participant: active, complete, screened_out, abandoned, timed_out, returned",
    "mode": "live, preview, simulated",
    "kind": "qualification, practice, test, attention",
    "block": "0-based",
    "position": "0-based, counts the participant's trials in the order shown",
    "presentation": "sequential, simultaneous, single",
    "question": "fake (click the fake one) or real",
    "image": "photograph of the fake; single: of the only image",
    "method": "of the fake; single: of the only image (real is a method too)",
    "real_image": "photograph of the real one; the same as image when paired, empty when single",
    "repeat_of": "position of the trial this one repeats, else empty",
    "truth": "the fake's side, left or right; single: fake or real; empty in a blinded export",
    "answer": "the side clicked; single: fake or real; empty where there is none",
    "rt_ms": "event.timeStamp minus the timestamp of the frame that showed the answers",
    "exposure_ms": "asked for; empty where unlimited",
    "first_ms": "achieved exposure of the first image, or of all that are shown at once",
    "second_ms": "achieved exposure of the second image, where one follows",
    "flags": "space-separated: voided, hidden, blurred, resized, slow_frame, late",
    "started_at": "UTC, ISO 8601",
    "received_at": "UTC, ISO 8601",
    "design_sha256": "SHA-256 of design.json, empty before the freeze",
}

TIMING_COLUMNS = {
    "study": "slug of the study",
    "participant": "as in the responses",
    "mode": "as in the responses",
    "position": "as in the responses",
    "first_side": "of a sequential pair, the side shown first; else empty",
    "first_frames": "animation frames of the first exposure",
    "second_frames": "animation frames of the second exposure",
    "early": "answers ignored because the buttons were not yet shown",
    "held": "answers ignored: of a key held down since before, or the second of a double click",
    "input": "what answered: mouse, touch, pen, keydown; click: Enter, assistive technology, or a "
    "browser that tells no pointer; script: an event that the browser did not make; else empty",
}

INCIDENT_COLUMNS = {
    "study": "slug of the study",
    "participant": "as in the responses",
    "mode": "as in the responses",
    "kind": "as in the responses, of the trial that was replaced unseen",
    "image": "as in the responses",
    "slot": "of the image that could not be shown: left, right, center",
    "status": "of the HTTP reply; empty where what came was no image",
    "reported_at": "UTC, ISO 8601",
}

PARTICIPANT_COLUMNS = {
    "study": "slug of the study",
    "participant": "opaque id",
    "outcome": "as in the responses",
    "mode": "as in the responses",
    "methods": "what the participant's test trials show, space-separated",
    "trials_planned": "of all kinds; a voided trial and its replacement count once",
    "trials_answered": "of all kinds",
    "attention_checks_planned": "attention checks in the plan",
    "attention_checks_correct": "attention checks answered rightly",
    "impossible_rt": "answers faster than anybody sees and presses, under 100 ms; of a program?",
    "too_soon": "answers that came before their images can have been seen, by the server's clock",
    "scripted": "answers, practice included, by an event that the browser did not make itself",
    "webdriver": "1 where the browser says that a program drives it; empty where it says nothing",
    "inputs": "what answered, as in timing.csv, space-separated",
    "source": "link, prolific, mturk, sona",
    "consent_version": "of the text agreed to: its language, and which text it was",
    "language": "of the browser",
    "refresh_hz": "estimated from animation frames",
    "device_pixel_ratio": "device pixels a CSS pixel",
    "viewport": "width x height in CSS pixels",
    "color_gamut": "srgb, p3 or rec2020, as the browser says",
    "dynamic_range": "standard or high, as the browser says",
    "inverted_colors": "1 where the system inverts colors",
    "forced_colors": "1 where the system forces colors",
    "night_light": "whether the screen is being tinted: off, on, unknown; empty where not asked",
    "color_vision": "declared: normal, deficient, unknown; empty where not asked",
    "plates_correct": "screening plates read rightly; empty where none were shown",
    "comment": "what the participant wrote at the end",
    "started_at": "UTC, ISO 8601",
    "finished_at": "UTC, ISO 8601",
}

UNBLINDING_COLUMNS = {
    "study": "slug of the study",
    "unblinded_at": "when somebody took the truth while the study was blinded; UTC, ISO 8601",
    "by": "the command line, or the researcher's name",
    "complete": "live participants who were complete by then",
}

CODEBOOK_COLUMNS = {
    "file": "of the export, without .csv",
    "column": "of that file",
    "meaning": "of the column",
}

TABLE_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "responses": RESPONSE_COLUMNS,
    "timing": TIMING_COLUMNS,
    "incidents": INCIDENT_COLUMNS,
    "participants": PARTICIPANT_COLUMNS,
    "unblinding": UNBLINDING_COLUMNS,
}


def codebook_rows() -> list[dict[str, object]]:
    """The rows of codebook.csv."""
    return [
        {"file": file, "column": column, "meaning": meaning}
        for file, columns in TABLE_COLUMNS.items()
        for column, meaning in columns.items()
    ]
