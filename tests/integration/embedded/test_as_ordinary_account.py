"""Both embedded servers as somebody who is not root: as ourselves, or, when root tests, as an account made ordinary."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from outrider.embedded.account import Account
from outrider.embedded.postgres_install import reachable_install, wheel_install
from tests.realparts.mosquitto import SHIPPED

PROGRAM = Path(__file__).with_name("run_as_account.py")
REPOSITORY = Path(__file__).parents[3]
NOBODY = Account(name="nobody", uid=65534, gid=65534)


@pytest.mark.postgres
@pytest.mark.usefixtures("mosquitto")
async def test_the_servers_run_as_the_account_in_its_own_folder(place: Path) -> None:
    uid = NOBODY.uid if os.geteuid() == 0 else os.geteuid()
    own = Path(tempfile.mkdtemp(dir=place))
    if os.geteuid() == 0:
        os.chown(own, NOBODY.uid, NOBODY.gid)
    account = NOBODY if os.geteuid() == 0 else None
    install = await asyncio.to_thread(reachable_install, wheel_install(), account, copies_dir=place / "programs")
    shipped = shutil.copytree(SHIPPED, place / "shipped")
    arguments: list[str | Path] = [str(uid), place / "rehearsal", own / ".outrider", shipped, install.bin_dir, install.version]
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    said, complained = await asyncio.wait_for(program.communicate(), 120)
    assert program.returncode == 0, complained.decode()
    assert json.loads(said) == {
        "data_directory": str(own / ".outrider" / "postgres" / "cluster"),
        "owners": [uid],
        "broker": "mosquitto",
    }
    assert _owners(own) == {uid}


def _owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in folder.rglob("*")}
