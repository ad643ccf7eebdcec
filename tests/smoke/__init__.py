"""Scripts that try an installation on any operating system; the workflow runs them."""
