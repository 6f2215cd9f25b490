"""Coverage-guided fuzzing of one wire format with atheris: no input may raise anything, nor be lost without a word.

    python tests/fuzz/fuzz_formats.py teltonika -runs=1000000 [other options of libFuzzer]

What is fuzzed is the way that a message takes: the format's decoder, and the screen behind it. The first byte of the input chooses
the topic. A frame of Teltonika gets its length and checksum right half of the time, since chance hardly ever would. Stops with a
traceback, and the input in `crash-*`, at the first input that shows a defect.
"""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["ingest.formats", "ingest.screening", "ingest.screen"]):
    import ingest.screen
    from ingest.formats import format_named

import numpy as np
import orjson

from fleet.message import MessageBatch
from ingest.protocol import Decoded, Format
from store.storable import unstorable
from tests.fuzz.seeds import DICTIONARY, TOPICS, frame, seeds

RECEIVED_US = 1_771_257_600_000_000
#: One for all inputs: its tables cost more to make than a message to decode.
SCREEN = ingest.screen.Screen()
_FRAME_HEAD = 8
_FRAME_TAIL = 4


def check(decoded: Decoded) -> None:
    """Every message is accounted for, and what is kept can be stored."""
    fixes = decoded.fixes
    accounted = {*fixes.message.tolist(), *(refusal.message for refusal in decoded.refused), *decoded.ignored}
    assert accounted == {0}, "a message is lost without a word"
    assert len(decoded.tracker) == len(fixes) == len(fixes.extras)
    for extras in fixes.extras:
        assert extras is None or isinstance(orjson.loads(extras), dict)
    fixes.vehicle = np.ones(len(fixes), np.int64)
    kept = SCREEN.screen(fixes).fixes
    beyond = kept.time >= 4_102_444_800_000_000  # the store's own limit is the year 2100
    assert not unstorable(kept.take(~beyond)), "screening lets through what no database can hold"


def target_of(wire_format: Format) -> object:
    topics = TOPICS[wire_format.name]

    def target(data: bytes) -> None:
        if not data:
            return
        topic = topics[data[0] % len(topics)]
        check(wire_format.decode(MessageBatch(topics=[topic], payloads=[data[1:]], received=[RECEIVED_US]), "default"))

    return target


def mend_frame(data: bytes, max_size: int, seed: int) -> bytes:
    """A mutation, of which every second has its frame put right."""
    chance = random.Random(seed)
    mutated: bytes = atheris.Mutate(data, max_size)
    payload = mutated[1:]
    if payload[:4] == bytes(4) and len(payload) > _FRAME_HEAD + _FRAME_TAIL and chance.random() < 0.5:
        return mutated[:1] + frame(payload[_FRAME_HEAD:-_FRAME_TAIL])
    return mutated


def main(arguments: list[str]) -> None:
    name, options = arguments[1], arguments[2:]
    wire_format = format_named(name)
    assert wire_format is not None, f"no format {name!r}"
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            for topic in range(len(TOPICS[name])):
                (corpus / f"{number}-{topic}").write_bytes(bytes([topic]) + seed)
        words = Path(folder, "words")
        words.write_text(DICTIONARY + "\n", encoding="utf-8")
        mutator = {"custom_mutator": mend_frame} if name == "teltonika" else {}
        atheris.Setup([arguments[0], f"-dict={words}", *options, str(corpus)], target_of(wire_format), **mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
