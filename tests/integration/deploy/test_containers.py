"""docker-compose.yml and Dockerfile: valid, closed to the network, and naming only what is in the tree."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

REPOSITORY = Path(__file__).parents[3]
TIERS = {"migrate", "worker", "alerts", "api", "simulator"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    return found


def _compose() -> list[str]:
    """The command that reads compose files on this machine; no engine is needed for that."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is not None:
            answer = subprocess.run([*command, "version"], capture_output=True, check=False)
            if answer.returncode == 0:
                return command
    pytest.skip("neither `docker compose` nor `docker-compose` is installed; the structure is checked all the same")


@pytest.mark.parametrize("profile", [[], ["--profile", "demo"]])
def test_compose_accepts_it_also_without_an_env_file(profile: list[str], tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "deploy"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    command = [*_compose(), *profile, "--project-directory", str(tmp_path), "-f", str(tmp_path / "docker-compose.yml")]
    answer = subprocess.run([*command, "config", "--services"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    expected = {"timescale", "mosquitto", *TIERS} - (set() if profile else {"simulator"})
    assert set(answer.stdout.split()) >= expected


def test_it_names_every_part(services: dict[str, Any]) -> None:
    assert set(services) == {"timescale", "mosquitto", *TIERS}
    assert services["simulator"]["profiles"] == ["demo"]
    assert {services[tier]["command"][0] for tier in TIERS - {"simulator"}} == {"migrate", "worker", "alerts", "api"}


def test_images_are_pinned(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.search(r":\d+\.\d+\.\d+", service["image"]), name


def test_everything_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_runs_on_is_watched_and_started_again(services: dict[str, Any]) -> None:
    for name in set(services) - {"migrate", "simulator"}:
        assert "healthcheck" in services[name], name
        assert services[name]["restart"] == "unless-stopped", name


def test_mounts_are_in_the_tree_and_read_only(services: dict[str, Any]) -> None:
    mounts = [mount.split(":") for mount in services["mosquitto"]["volumes"]]
    files = {source: mode for source, _, *mode in mounts if source.startswith(".")}
    assert {Path(source).name for source in files} == {"mosquitto.conf", "tuning.conf", "acl.conf", "start.sh"}
    for source, mode in files.items():
        assert (REPOSITORY / source).is_file(), source
        assert mode == ["ro"], source


def test_every_variable_is_in_the_example_and_no_secret_has_a_value() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    offered = dict(re.findall(r"^#?(OUTRIDER_\w+)=(.*)$", example, re.MULTILINE))
    used = set(re.findall(r"\$\{(OUTRIDER_\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    assert used - {"OUTRIDER_DEFAULT_TENANT"} == set(offered)
    assert {value for name, value in offered.items() if name.endswith(("PASSWORD", "KEY"))} == {""}


def test_what_the_image_copies_is_in_the_tree() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert "requirements.lock" in sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
