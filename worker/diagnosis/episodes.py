"""When a trouble begins and ends: it takes several points in a row either way, so that no single number does it.

Knows no verdict.
"""

from collections.abc import Sequence


def begins_at(flags: Sequence[bool | None], in_a_row: int) -> int | None:
    """Where the trouble that is there at the end began; None where there is none.

    It is there after `in_a_row` points that show it, and until as many in a row do not. None among the flags is a point
    that says nothing of it.
    """
    shown, absent, first = 0, 0, 0
    began: int | None = None
    for i, flag in enumerate(flags):
        if flag is None:
            continue
        if flag:
            first, shown, absent = (i if shown == 0 else first), shown + 1, 0
            began = first if began is None and shown >= in_a_row else began
        else:
            shown, absent = 0, absent + 1
            began = None if absent >= in_a_row else began
    return began
