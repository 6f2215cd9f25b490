"""Cursors of pages: the id of the last item of the page before, or `tenant/id` across tenants."""

from __future__ import annotations

from fleet.errors import InvalidValue


def split_cursor(tenant: str | None, after: str | None) -> tuple[str, str] | None:
    """The (tenant, id) that a page starts behind; None for the first page. Raises InvalidValue for what is no cursor.

    A tenant's name is a level of an MQTT topic and therefore never holds a slash; an id may.
    """
    if after is None:
        return None
    if tenant is not None:
        return tenant, after
    of_tenant, slash, id_ = after.partition("/")
    if not slash:
        raise InvalidValue("cursor", f"{after!r} is not of the form tenant/id")
    return of_tenant, id_
