"""What fences get from their groups and tenants."""

from __future__ import annotations

import pytest

from fleet.fence import Circle, Fence, FenceSettings
from fleet.fence_group import FenceGroup, with_inherited

AREA = Circle(lat=0, lon=0, radius_m=50)


def fence(*groups: str, tenant: str = "acme", **settings: float) -> Fence:
    return Fence(id="f", tenant=tenant, name="f", shape=AREA, groups=groups, settings=FenceSettings(**settings))  # type: ignore[arg-type]


def group(name: str, tenant: str = "acme", **settings: float) -> FenceGroup:
    return FenceGroup(id=name, tenant=tenant, name=name, settings=FenceSettings(**settings))  # type: ignore[arg-type]


GROUPS = [group("wide", exit_margin_m=200.0, exit_s=90.0), group("narrow", exit_margin_m=10.0), group("silent")]
DEFAULTS = {"acme": FenceSettings(exit_margin_m=70.0, exit_s=30.0, confirm_s=15.0)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(fence(exit_margin_m=5.0), (5.0, 30.0, 15.0), id="the fence's own, then the tenant's"),
        pytest.param(fence("wide"), (200.0, 90.0, 15.0), id="the group's over the tenant's"),
        pytest.param(fence("wide", exit_s=1.0), (200.0, 1.0, 15.0), id="the fence's own over the group's"),
        pytest.param(fence("wide", "narrow"), (200.0, 90.0, 15.0), id="the first group that says something"),
        pytest.param(fence("narrow", "wide"), (10.0, 90.0, 15.0), id="the second one where the first says nothing"),
        pytest.param(fence("silent", "narrow"), (10.0, 30.0, 15.0), id="a group without settings"),
        pytest.param(fence("gone", "narrow"), (10.0, 30.0, 15.0), id="a group that is gone"),
        pytest.param(fence("wide", tenant="globex"), (None, None, None), id="nothing of another tenant"),
    ],
)
def test_the_nearest_level_that_says_something_counts(given: Fence, expected: tuple[float | None, ...]) -> None:
    (found,) = with_inherited([given], GROUPS, DEFAULTS)
    assert (found.settings.exit_margin_m, found.settings.exit_s, found.settings.confirm_s) == expected


def test_a_fence_that_inherits_nothing_is_the_same_object() -> None:
    alone = fence(tenant="globex")
    assert with_inherited([alone], GROUPS, DEFAULTS)[0] is alone
