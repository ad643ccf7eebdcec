"""`make bench`: every measurement, one after the other."""

from benchmarks import coverage

MEASUREMENTS = (coverage,)


def main() -> None:
    for measurement in MEASUREMENTS:
        print(f"\n{measurement.__doc__}")
        measurement.main()


if __name__ == "__main__":
    main()
