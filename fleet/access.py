"""API keys and roles. A key is kept only as a digest; the key itself is shown once, when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        return self.rank >= other.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`tenant` None: a key of the installation's operator, for all tenants. `digest` is the SHA-256 of the key, hex
    (keys are random with 256 bits, so a fast digest is safe)."""

    id: str
    tenant: str | None
    role: Role
    digest: str
    name: str = ""
    created_at: datetime | None = None
    revoked_at: datetime | None = None
