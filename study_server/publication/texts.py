"""The texts of a published folder: README.md, CITATION.cff and Makefile."""

import json
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version

from study_server.publication.facts import PublicationFacts

MAKEFILE = """\
# Check the files of this study, and compute its report again. Python 3.11 or newer and make are
# enough; pip downloads the libraries that software/requirements.txt lists.
PYTHON ?= python3
CONSTRAINTS ?= --constraint constraints.txt
NEWER = run `make reproduce PYTHON=python3.12`, or with another Python from 3.11 on

.PHONY: reproduce
reproduce: .venv/installed
	PYTHONPATH=software .venv/bin/python -B -m analysis.reproduce .

.venv/installed: constraints.txt software/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("$(NEWER)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet $(CONSTRAINTS) --requirement software/requirements.txt
	touch $@
"""


def format_citation(title: str, facts: PublicationFacts, published: date) -> str:
    """Return CITATION.cff (citation-file-format.github.io), of which JSON strings are a part."""
    lines = [
        "cff-version: 1.2.0",
        "message: If you use these data, please cite them.",
        "type: dataset",
        f"title: {_quote(title)}",
        "authors:",
        *(line for name, orcid in facts.split_authors() for line in _cite_author(name, orcid)),
        f"license: {facts.license}",
        f"date-released: {published.isoformat()}",
        *([f"url: {_quote(facts.url)}"] if facts.url else []),
    ]
    return "\n".join(lines) + "\n"


def format_short_citation(title: str, facts: PublicationFacts, published: date) -> str:
    """Return the citation as one line, as in a list of references."""
    names = ", ".join(name for name, _ in facts.split_authors())
    address = f" {facts.url}" if facts.url else ""
    return f"{names} ({published.year}). {title} [data set].{address}"


def format_readme(title: str, citation: str, license_name: str, notes: Sequence[str]) -> str:
    """Return README.md. notes: what was changed or left out to protect participants, and why."""
    listed = "\n".join(f"- {note}" for note in notes)
    return f"""# {title}

A study of how real images look to people, published with Hue & Eye. Cite it as:

> {citation}

License: {license_name}.

Open `index.html` in a browser for the results, the images and the method.

## Contents

- `data/`: one CSV file per table. The `.json` file next to each describes its columns;
  `documentation/codebook.csv` describes all of them. A trial is identified by study, participant
  and position.
- `materials/`: the design, which was frozen before the first participant, the texts that
  participants read, the analysis plan and, once the study was closed, the seed from which all
  trials were drawn.
- `stimuli/`: the images as they were shown, or their addresses, with `manifest.csv`.
- `report/`: the report, its tables and figures.
- `software/`: the code that computed the report, from Hue & Eye {version("hue-and-eye")} (MIT).
- `dataset_description.json` (Psych-DS) and `croissant.json` (Croissant): machine-readable
  descriptions.
- `SHA256SUMS`: the checksums of all files.

## Reproduce the results

```sh
make reproduce
```

This needs `make`, Python 3.11 or newer, and a connection to a package index, from which pip takes
the libraries with the versions in `constraints.txt`. It checks every file against `SHA256SUMS`,
computes `report/report.json` again from `data/` with the code in `software/`, and compares the
numbers. If your Python is too new for these versions, `make reproduce CONSTRAINTS=` takes the
newest libraries.

## Repeat the study with other people

With Hue & Eye installed, run `study import . --slug a-new-slug` in this folder, then
`study freeze a-new-slug --plan materials/plan.toml` and `study open a-new-slug`.

## What was changed or left out

{listed}
- Comments, free-text answers and link parameters are left out, because they may identify
  participants.
- Where a text could be read as a formula (`=`, `+`, `-` or `@` at its beginning or after a
  semicolon, a tab or a line break), an apostrophe precedes it.
"""


def _cite_author(name: str, orcid: str) -> list[str]:
    given, _, family = name.rpartition(" ")
    lines = [f"  - family-names: {_quote(family)}"]
    if given:
        lines.append(f"    given-names: {_quote(given)}")
    if orcid:
        lines.append(f"    orcid: https://orcid.org/{orcid}")
    return lines


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
