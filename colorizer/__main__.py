"""`python -m colorizer`, as `torchrun -m colorizer train` needs it."""

from colorizer.cli import main

if __name__ == "__main__":
    main()
