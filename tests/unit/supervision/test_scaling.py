from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from supervisor.errors import UsageError
from supervisor.store import supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.supervision.control.scaling import scale
from supervisor.supervision.presence import being_present
from support.bench import DEAD, Bench


@pytest.fixture
def at_work(make_bench: Callable[..., Bench]) -> Iterator[Callable[..., Bench]]:
    """Make supervisors that are seen to live."""
    with ExitStack() as until_the_end:

        def make(name: str, scope: Scope | None = None) -> Bench:
            bench = make_bench(name, scope=scope)
            until_the_end.enter_context(being_present(bench.shop.runs_directory, bench.shop.me.id))
            return bench

        yield make


def wanted(bench: Bench) -> int:
    with transaction(bench.shop.engine) as connection:
        return supervisors.desired_workers(connection, bench.shop.me.id)


def test_the_only_one_that_lives_need_not_be_named(
    at_work: Callable[..., Bench], make_bench: Callable[..., Bench]
) -> None:
    make_bench("gone", **DEAD)
    here = at_work("here")
    elsewhere = at_work("elsewhere", Scope(None, ["other"]))
    done = scale(here.shop, "repo", 5)
    assert (done.supervisor.id, done.supervisor.desired_workers, done.workers) == (here.shop.me.id, 2, 5)
    assert (wanted(here), wanted(elsewhere)) == (5, 2)
    assert scale(here.shop, "repo", 5).supervisor.desired_workers == 5, "it says how it was"


def test_of_several_one_has_to_be_named(at_work: Callable[..., Bench]) -> None:
    first, second = at_work("first"), at_work("second")
    with pytest.raises(UsageError, match="2 supervisors are at work here: ") as caught:
        scale(first.shop, "repo", 3)
    assert "name one: --supervisor first-" in str(caught.value.hint) or "second-" in str(caught.value.hint)
    assert (wanted(first), wanted(second)) == (2, 2)
    scale(first.shop, "repo", 3, "sec")
    assert (wanted(first), wanted(second)) == (2, 3)


@pytest.mark.parametrize("name", ["", "nobody", "%"])
def test_one_that_is_not_there(at_work: Callable[..., Bench], name: str) -> None:
    bench = at_work("here")
    with pytest.raises(UsageError, match="there is no supervisor") as caught:
        scale(bench.shop, "repo", 3, name)
    assert str(caught.value.hint).startswith(f"at work: {bench.shop.me.id} (pid ")


def test_one_that_has_ended_is_refused(at_work: Callable[..., Bench], make_bench: Callable[..., Bench]) -> None:
    dead = make_bench("dead", **DEAD)
    with pytest.raises(UsageError, match=r"supervisor dead-\w+ \(pid \d+ on .*\) has ended") as caught:
        scale(dead.shop, "repo", 3, "dead")
    assert caught.value.hint == "none is at work here"
    with pytest.raises(UsageError, match="no supervisor is at work here"):
        scale(dead.shop, "repo", 3)
    signed_off = at_work("ended")
    with transaction(dead.shop.engine) as connection:
        supervisors.sign_off(connection, signed_off.shop.me.id, at=dead.shop.now(connection))
    with pytest.raises(UsageError, match="has ended"):
        scale(dead.shop, "repo", 3, signed_off.shop.me.id)
