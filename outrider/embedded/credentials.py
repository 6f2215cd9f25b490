"""The passwords of Outrider's own accounts at the embedded broker: made once, kept in the data directory."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from outrider.embedded.errors import EmbeddedError

# As the shipped access rules name them (deploy/mosquitto/acl.conf).
ACCOUNTS = ("worker", "api", "simulator")


def broker_passwords(path: Path) -> Mapping[str, str]:
    """User name to password; only whoever runs Outrider may read the file."""
    try:
        known = json.loads(path.read_text())
    except FileNotFoundError:
        known = {}
    except ValueError as problem:
        raise EmbeddedError(f"{path} is damaged; delete it and new passwords are made") from problem
    passwords = {account: known.get(account) or secrets.token_urlsafe(24) for account in ACCOUNTS}
    if passwords != known:
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(json.dumps(passwords, indent=2) + "\n")
        new.replace(path)
    return passwords
