"""Dividing the lines of a screen among those who want them."""

from collections.abc import Sequence


def share_out(room: int, wanted: Sequence[int], weights: Sequence[int]) -> list[int]:
    """Return how much each gets: nobody more than it wants, and what one leaves goes to the others.

    Args:
        room: What there is.
        wanted: By each.
        weights: How much each gets of what is scarce, compared with the others; above 0.
    """
    given = [0] * len(wanted)
    while room > 0 and (hungry := [one for one in range(len(wanted)) if given[one] < wanted[one]]):
        weight = sum(weights[one] for one in hungry)
        for one, share in [(one, max(1, room * weights[one] // weight)) for one in hungry]:
            more = min(share, wanted[one] - given[one], room)
            given[one] += more
            room -= more
    return given
