"""The command `colorizer`, also run by `python -m colorizer`, which torchrun needs."""

import sys


def main() -> None:
    """Run the command; if a library is missing, print how to install it and exit with status 2."""
    try:
        from colorizer.cli import main as run_command
    except ModuleNotFoundError as error:
        print(f"colorizer: {error}; run pip install 'hue-and-eye[colorizer]'", file=sys.stderr)
        sys.exit(2)
    run_command()


if __name__ == "__main__":
    main()
