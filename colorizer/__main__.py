"""Run the command line as `python -m colorizer`, which `torchrun -m colorizer train` needs."""

from colorizer.cli import main

if __name__ == "__main__":
    main()
