"""Settings of Sphinx for `make docs`."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Hue & Eye"
author = "The Hue & Eye authors"
release = version = installed_version("hue-and-eye")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True

autodoc_typehints = "none"  # the docstrings say what arguments are

myst_heading_anchors = 3

smartquotes = False

html_theme = "furo"
html_title = f"{project} {release}"
html_show_copyright = False
html_show_sphinx = False
