"""A classifier that tries to identify the fake from what a browser receives, without the pixels.

The replies for both images of each pair become features: addresses, status, headers, sizes, the
file except its pixels, order and time. A random forest is trained on the first half of the pairs to
find the side of the fake, and tested on the second half. Chance is 0.5.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Features = dict[str, float]
PIXELS = (b"IDAT", b"IEND")


@dataclass(frozen=True)
class Reply:
    """The reply for one image. order: order of arrival in the pair. ms: duration of the request."""

    url: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    order: int
    ms: float


@dataclass(frozen=True)
class Pair:
    """A pair as a browser received it: the description of its trial, and its two images."""

    trial: Mapping[str, object]
    left: Reply
    right: Reply


@dataclass(frozen=True)
class Guesses:
    """The result on the second half of the pairs."""

    right: int
    of: int
    features: int

    @property
    def p(self) -> float:
        """Return the probability of at least this many correct guesses by chance."""
        return float(stats.binomtest(self.right, self.of, 0.5, alternative="greater").pvalue)


def guess(pairs: Sequence[Pair], fake_is_left: Sequence[bool]) -> Guesses:
    """Train on the first half of the pairs and guess the second half."""
    from sklearn.ensemble import RandomForestClassifier  # which every worker would import
    from sklearn.feature_extraction import DictVectorizer

    table = DictVectorizer(sparse=False).fit_transform([describe(pair) for pair in pairs])
    truth, half = np.array(fake_is_left), len(pairs) // 2
    forest = RandomForestClassifier(300, max_features=0.3, random_state=0)
    forest.fit(table[:half], truth[:half])
    guessed: NDArray[np.bool_] = forest.predict(table[half:])
    return Guesses(int((guessed == truth[half:]).sum()), len(pairs) - half, table.shape[1])


def describe(pair: Pair) -> Features:
    """Return the features of the trial, of each side, and of the difference between the sides."""
    left, right = dict(of_reply(pair.left)), dict(of_reply(pair.right))
    features = {f"trial {name}": value for name, value in of_value("text", str(pair.trial))}
    for name in left.keys() | right.keys():
        ours, theirs = left.get(name, 0.0), right.get(name, 0.0)
        features |= {f"left {name}": ours, f"right {name}": theirs, f"less {name}": ours - theirs}
    return features


def of_reply(reply: Reply) -> Iterator[tuple[str, float]]:
    yield "status", reply.status
    yield "order", reply.order
    yield "ms", reply.ms
    yield "bytes", len(reply.body)
    yield from of_value("path", urlsplit(reply.url).path.rpartition("/")[0])
    for place, (name, value) in enumerate(reply.headers):
        yield f"place of {name}", place
        yield from of_value(name, value)
    for chunk, content in chunks(reply.body):
        yield f"bytes of {chunk!r}", len(content)
        if chunk not in PIXELS:
            yield from ((f"{chunk!r} {place}", byte) for place, byte in enumerate(content))


def of_value(name: str, value: str) -> Iterator[tuple[str, float]]:
    """Yield features of a text: its length, its characters, and the numbers that it contains."""
    yield f"{name} there", 1
    yield f"length of {name}", len(value)
    yield from ((f"{name} {place}", ord(character)) for place, character in enumerate(value[:200]))
    for place, number in enumerate(re.findall(r"\d+", value)[:20]):
        yield f"number {place} of {name}", float(number[:15])
    for place, number in enumerate(re.findall(r"\b[0-9a-f]+\b", value)[:20]):
        yield f"hexadecimal {place} of {name}", float(int(number[:12], 16))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and content of each PNG chunk, without its checksum (it depends on pixels)."""
    at = 8
    while at + 8 <= len(png):
        length, chunk = struct.unpack(">I4s", png[at : at + 8])
        yield chunk, png[at + 8 : at + 8 + length]
        at += 12 + length
