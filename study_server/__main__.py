"""`python -m study_server`: the command `study`."""

from study_server.cli import main

if __name__ == "__main__":
    main()
