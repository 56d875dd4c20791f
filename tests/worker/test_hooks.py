"""What happens beside the loop."""

from worker import hooks


def test_grids_are_thinned_with_the_first_and_the_last_kept() -> None:
    names = [f"0-{step}" for step in range(1, 502)]

    dropped = hooks.surplus_grids(names, kept=500)
    few = hooks.surplus_grids(names[:500], kept=500)

    kept = [name for name in names if name not in dropped]
    assert few == []
    assert kept[0] == "0-1"
    assert kept[-1] == "0-501"
    assert 50 < len(kept) <= 450
