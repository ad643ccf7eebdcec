"""Run the command `study` by `python -m study_server`."""

from study_server.cli import main

if __name__ == "__main__":
    main()
