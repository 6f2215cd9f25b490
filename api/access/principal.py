"""Who is calling, and whose data that lets them see. The one place that decides about tenants.

1. A key of a tenant reads and writes that tenant's data, and may say `?tenant=` only of its own.
2. A key for all tenants (the installation's operator) reads across them, or one with `?tenant=`; what it creates goes to the
   named tenant, else to the default one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from api.problems import Forbidden
from fleet.access import Role


class Means(StrEnum):
    """How the caller proved who they are."""

    KEY = "key"
    SESSION = "session"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    #: None: all tenants.
    tenant: str | None
    role: Role
    means: Means
    #: Id and name of the key; empty for the anonymous.
    key_id: str = ""
    name: str = ""
    #: Digest of the key, by which it can be looked at again; None for the anonymous.
    credential: str | None = None

    def require(self, role: Role) -> None:
        """Raises Forbidden unless this caller may do what `role` may."""
        if not self.role.includes(role):
            raise Forbidden(f"this needs the role {role}; you have {self.role}")

    def reads(self, asked: str | None) -> str | None:
        """The tenant whose data a read shows, None for all of them. Raises Forbidden for another's."""
        if self.tenant is None or asked in (None, self.tenant):
            return asked if self.tenant is None else self.tenant
        raise Forbidden("this key belongs to another tenant")

    def writes(self, asked: str | None, default: str) -> str:
        """The tenant that something new belongs to. Raises Forbidden for another's."""
        return self.reads(asked) or default
