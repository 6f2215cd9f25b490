"""Arrivals and ETAs on the recordings, scored against what really happened.

Each data set is turned into a case, replayed through the whole pipeline, and scored by the same tools that judge anybody's run
(`make_case.py` and `score.py`, beside the recordings). What is learned, is learned within the replay, from what came before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fleet.errors import OutriderError
from ingest.replay import ReplayOptions, replay

DATA_SETS: Final = ("nyc-b63", "wmata")
_SHARED: Final = Path(__file__).resolve().parents[1] / ".." / "shared"


class NoRecordings(OutriderError):
    """The recordings and their tools are not there."""


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    results = {name: _scored(name, options.shared, options.keep) for name in options.data_set or DATA_SETS}
    if options.json:
        print(json.dumps(results))
    else:
        for name, result in results.items():
            print(f"{name}\n{describe(result)}")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="outrider bench eta", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object, one key a data set")
    parser.add_argument("--data-set", action="append", choices=DATA_SETS, help="only this one (may be given again)")
    parser.add_argument("--shared", type=Path, default=_SHARED, help="folder with data/ and tools/")
    parser.add_argument("--keep", type=Path, help="folder to keep cases and runs in")
    return parser.parse_args(arguments)


def _scored(name: str, shared: Path, keep: Path | None) -> dict[str, Any]:
    if keep is not None:
        return score(name, shared, keep)
    with tempfile.TemporaryDirectory(prefix="outrider-eta-") as folder:
        return score(name, shared, Path(folder))


def score(name: str, shared: Path, folder: Path) -> dict[str, Any]:
    """Make the case in `folder`, replay it, and return what the score says. Raises OutriderError."""
    case, run = folder / f"case-{name}", folder / f"run-{name}"
    data, tools = shared / "data" / name, shared / "tools"
    for needed in (data, tools / "make_case.py", tools / "score.py"):
        if not needed.exists():
            raise NoRecordings(f"{needed} is not there")
    _tool(tools / "make_case.py", name, "--data", str(data), "--out", str(case))
    replay(ReplayOptions(capture=case / "capture.ndjson", plan=case / "plan.json", out=run))
    result: dict[str, Any] = json.loads(_tool(tools / "score.py", "--case", str(case), "--run", str(run), "--json"))
    return result


def _tool(program: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, str(program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OutriderError(f"{program.name} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'silently'}")
    return done.stdout


def describe(result: dict[str, Any]) -> str:
    """Some lines for the person at the keyboard."""
    arrivals, etas = result["arrivals"], result["etas"]
    lines = [f"  arrivals: recall {arrivals['recall']:.3f}, within tolerance {arrivals['within_tolerance']:.3f}"]
    for name in ("run", "delay", "schedule"):
        of = etas[name]
        lines.append(f"  {name}: benchmark {of['benchmark']}, mean error {of['mae_s']} s, {of['missing']} of {of['n']} missing")
    for bucket, figures in etas["run"]["buckets"].items():
        lines.append(
            f"    {bucket}: accurate {figures['accurate']}, coverage {figures['coverage_80']}, width {figures['width_s']} s"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
