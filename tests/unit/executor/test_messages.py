import json
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.executor.messages import (
    DocumentDone,
    DocumentOpened,
    Finished,
    Message,
    PageDone,
    Ready,
    Start,
    Stop,
    Stopped,
    receive,
    send,
)
from supervisor.model.states import ResultStatus, RunStatus

Pair = tuple[Connection, Connection]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    here, there = Pipe()
    yield here, there
    here.close()
    there.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.one_of(
    st.builds(Start, spec=st.dictionaries(st.text(max_size=5), JSON, max_size=3)),
    st.sampled_from([Stop(), Ready(), Stopped()]),
    st.builds(DocumentOpened),
    st.builds(PageDone),
    st.builds(DocumentDone),
    st.builds(Finished),
)


@given(MESSAGES)
def test_a_message_arrives_as_it_was_sent(pair: Pair, message: Message) -> None:
    send(pair[0], message)
    received = receive(pair[1])
    assert received == message
    assert type(received) is type(message)


def test_states_arrive_as_states(pair: Pair) -> None:
    send(pair[0], Finished(RunStatus.FAILED, "x"))
    send(pair[0], PageDone("a", 1, ResultStatus.FAILED, None))
    send(pair[0], DocumentDone("a", ResultStatus.SUCCEEDED, None))
    received = [receive(pair[1]) for _ in range(3)]
    assert [type(message.status) for message in received if hasattr(message, "status")] == [
        RunStatus,
        ResultStatus,
        ResultStatus,
    ]


def test_what_travels_is_json(pair: Pair) -> None:
    send(pair[0], DocumentOpened("büro.tiff", 3))
    assert json.loads(pair[1].recv_bytes()) == {"kind": "DocumentOpened", "document": "büro.tiff", "page_count": 3}


def test_a_closed_pipe() -> None:
    here, there = Pipe()
    send(there, Ready())
    there.close()
    assert receive(here) == Ready()
    with pytest.raises(EOFError):
        receive(here)
    with pytest.raises(OSError, match="Broken pipe"):
        send(here, Stop())
    here.close()
