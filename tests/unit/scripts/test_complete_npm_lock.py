"""The npm lock is completed with the optional packages that a registry did not have, and with nothing else."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
TOOL = {
    "version": "2.1.0",
    "dev": True,
    "integrity": "sha512-x",
    "optionalDependencies": {"@tool/cli-linux-x64": "2.1.0", "@tool/cli-linux-x64-musl": "2.1.0", "fsevents": "^2"},
}
PRESENT = {"version": "2.1.0", "integrity": "sha512-y", "optional": True, "dev": True, "os": ["linux"], "cpu": ["x64"]}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("complete_npm_lock", SCRIPTS / "complete_npm_lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOCK", tmp_path / "package-lock.json")
    return module


def test_what_is_missing_is_added_for_its_own_platform(script: ModuleType) -> None:
    packages = {"": {"name": "web"}, "node_modules/@tool/cli-linux-x64": PRESENT, "node_modules/tool": TOOL}
    script.LOCK.write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    assert script.main() == 0
    completed = json.loads(script.LOCK.read_text())["packages"]
    added = completed.pop("node_modules/@tool/cli-linux-x64-musl")
    assert added == {
        "version": "2.1.0",
        "optional": True,
        "dev": True,
        "os": ["linux"],
        "cpu": ["x64"],
        "libc": ["musl"],
    }
    assert completed == packages


def test_a_complete_lock_stays_as_it_is(script: ModuleType) -> None:
    text = json.dumps({"packages": {"": {"name": "web"}, "node_modules/é": {"version": "1.0.0"}}}, indent=2, ensure_ascii=False)
    script.LOCK.write_text(text + "\n")
    script.main()
    assert script.LOCK.read_text() == text + "\n"
