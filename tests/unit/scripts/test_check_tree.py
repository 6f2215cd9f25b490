"""What no tracked file may hold is found, and what looks similar is not. (Forbidden texts are put together here, so
that this file holds none itself.)"""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def check_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_tree", SCRIPTS / "check_tree.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return module


@pytest.fixture
def findings(check_tree: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def find(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        code = check_tree.main()
        said = capsys.readouterr().err
        assert code == (1 if said else 0)
        return said

    return find


@pytest.mark.parametrize(
    "parts",
    [
        ("--index-", "url https://example.org/simple"),
        ("https://files.", "pythonhosted", ".org/packages/x.whl"),
        ("https://", "pypi", ".org/simple"),
        ("http://", "deb.", "debian", ".org/debian"),
    ],
)
def test_an_address_of_a_registry_is_found(parts: tuple[str, ...], findings: Callable[..., str]) -> None:
    assert findings("a.txt", f"first\n{''.join(parts)}\n") == ("a.txt:2: holds an address of a package registry or mirror\n")


def test_a_place_of_one_machine_is_found(findings: Callable[..., str]) -> None:
    assert findings("a.md", f"see {Path('/home', 'jane', 'notes')}\n") == "a.md:1: holds a place of one machine\n"


def test_a_resolved_address_in_the_npm_lock_is_found(findings: Callable[..., str]) -> None:
    locked = '{"packages": {"node_modules/x": {\n"resolved": "https://example.org/x.tgz"}}}\n'
    assert findings("package-lock.json", locked) == ("package-lock.json:2: holds an address that npm would download from\n")


@pytest.mark.parametrize(
    "text",
    ["https://example.org/spec\n", "web/src/root/view.ts\n", "sha256:abc\n", "mqtt://127.0.0.1:1883\n", "/var/lib/outrider\n"],
)
def test_what_is_harmless_is_let_through(text: str, findings: Callable[..., str]) -> None:
    assert findings("a.txt", text) == ""
