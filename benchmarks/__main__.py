"""`make bench`: every measurement, one after the other."""

from benchmarks import annealed_mean, batch, classification_loss, coverage, network, soft_encoding

MEASUREMENTS = (coverage, soft_encoding, classification_loss, annealed_mean, batch, network)


def main() -> None:
    for measurement in MEASUREMENTS:
        print(f"\n{measurement.__doc__}")
        measurement.main()


if __name__ == "__main__":
    main()
