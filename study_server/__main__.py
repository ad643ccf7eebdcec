"""The command `study`, also run by `python -m study_server`."""

import sys


def main() -> None:
    """Run the command; if a library is missing, print how to install it and exit with status 2."""
    try:
        from study_server.cli import main as run_command
    except ModuleNotFoundError as error:
        print(f"study: {error}; run pip install 'hue-and-eye[server]'", file=sys.stderr)
        sys.exit(2)
    run_command()


if __name__ == "__main__":
    main()
