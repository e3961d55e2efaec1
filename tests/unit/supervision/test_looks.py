"""What is read again and again: not what runs have to do, which can be megabytes for each."""

import re
from collections.abc import Callable

import sqlalchemy as sa

from supervisor.board.progress import RunProgress
from supervisor.model.states import RunStatus
from supervisor.store.claims import Scope
from supervisor.supervision.errand import NamedRuns
from supervisor.supervision.rescue import LOOK_SECONDS, Rescuer
from support.bench import DEAD, Bench
from support.clocks import HandClock


def test_those_who_look_read_no_specs(bench: Bench, make_bench: Callable[..., Bench], clock: HandClock) -> None:
    bench.add_session("ours")
    abandoned, queued = make_bench("dead", **DEAD).abandon("a"), bench.add("b")
    named = NamedRuns(
        bench.shop, {run: RunProgress("x", RunStatus.QUEUED, "queued", documents=1) for run in (abandoned.id, queued)}
    )
    rescuer = Rescuer(bench.shop, Scope("ours", ["repo"]), [abandoned.id, queued])
    statements: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(bench.shop.engine, "before_cursor_execute", remember)
    assert rescuer.look([])
    assert named.goes_on()
    assert not [one for one in statements if "spec" in one]
    assert [bench.row(run).session_id for run in (abandoned.id, queued)] == ["ours", "ours"]
    assert [one for one in statements if "spec" in one], "who asks for whole rows gets them"
    statements.clear()
    clock.seconds += LOOK_SECONDS
    assert rescuer.look([])
    locked = [one for one in statements if re.match(r"SELECT (ops\.)?sessions", one)]
    assert not locked, "where nothing has to be moved none is kept from others"
