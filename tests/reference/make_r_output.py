"""Run the R scripts of reports on the reference answers: `python -m tests.reference.make_r_output`.

R and its packages lme4, BradleyTerry2, survival and ordinal print their numbers beside those of the
report; `stats/refit_NAME.txt` keep what they printed.
"""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner

from analysis.report import report
from tests.analysis.reference_exports import REFERENCE_EXPORTS

STATS = Path(__file__).with_name("stats")


def main() -> None:
    """Write the report of each export with its script, run the script, and keep its output."""
    for name, write_export in REFERENCE_EXPORTS.items():
        with TemporaryDirectory() as folder:
            responses, out = write_export(Path(folder)), Path(folder) / "report"
            command = [str(responses), "--out", str(out), "--r-script"]
            done = CliRunner().invoke(report, command, catch_exceptions=False)
            print(done.output)
            printed = subprocess.run(
                ["Rscript", "refit.R", folder], cwd=out, capture_output=True, text=True
            )
            print(printed.stdout, printed.stderr)
            printed.check_returncode()
        (STATS / f"refit_{name}.txt").write_text(printed.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
