"""A short run of the fuzzer for each format, in a process of its own; `tests/fuzz/fuzz_formats.py` runs longer by hand.

Atheris is optional (the dependency group `fuzz`): it has wheels for Linux on x86-64 alone.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.formats import FORMATS, format_named
from tests.fuzz.seeds import TOPICS, seeds
from tests.unit.ingest.messages import batch_of

HARNESS = Path(__file__).with_name("fuzz_formats.py")
RUNS = 20_000


def test_every_format_is_fuzzed() -> None:
    assert {one.name for one in FORMATS} == set(TOPICS)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed (dependency group fuzz)")
@pytest.mark.parametrize("name", list(TOPICS))
def test_no_input_raises(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(HARNESS), name, f"-runs={RUNS}", "-seed=1", "-max_len=2000", f"-artifact_prefix={tmp_path}/"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    assert f"Done {RUNS} runs" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", list(TOPICS))
def test_what_fuzzing_begins_with_reaches_the_fixes(name: str) -> None:
    wire_format = format_named(name)
    assert wire_format is not None
    batch = batch_of(seeds(name), TOPICS[name][0])
    found = set(wire_format.decode(batch, "default").fixes.message.tolist())
    is_binary = [not seed[:1].isascii() or seed[:1] == b"\0" for seed in seeds(name)]
    assert {0, *(number for number, yes in enumerate(is_binary) if yes)} <= found
