import json
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.executor.messages import (
    Advanced,
    EndedDocument,
    Finished,
    Message,
    Ready,
    Start,
    Stop,
    Stopped,
    Used,
    receive,
    send,
)
from supervisor.model.states import RunStatus

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
    st.builds(
        Start,
        patience_seconds=st.floats(allow_nan=False, allow_infinity=False),
        spec=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    ),
    st.sampled_from([Stop(), Ready()]),
    st.builds(Stopped, no_room=st.none() | st.text()),
    st.builds(
        Advanced,
        pages=st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
        because=st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
        ended=st.lists(st.builds(EndedDocument, path=st.text(max_size=5), seconds=st.floats(0, 9)), max_size=3),
    ),
    st.builds(Used, cpu_seconds=st.floats(0, 9)),
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
    received = receive(pair[1])
    assert isinstance(received, Finished)
    assert type(received.status) is RunStatus


def test_what_travels_is_json(pair: Pair) -> None:
    send(pair[0], Advanced(1, 3, {"ocr": 2}, {"new": 2}, [EndedDocument("büro.tiff", "is empty (0 bytes)")]))
    assert json.loads(pair[1].recv_bytes()) == {
        "kind": "Advanced",
        "documents_opened": 1,
        "pages_found": 3,
        "pages": {"ocr": 2},
        "because": {"new": 2},
        "ended": [
            {
                "path": "büro.tiff",
                "error": "is empty (0 bytes)",
                "pages": {},
                "seconds": 0.0,
                "mean_confidence": None,
                "weak_pages": 0,
            }
        ],
    }


@pytest.mark.parametrize(
    "said",
    [
        "[" * 100_000,
        "[]",
        '{"kind": "Used", "cpu_seconds": NaN, "peak_memory_bytes": 1}',
        '{"kind": "Used", "cpu_seconds": "1", "peak_memory_bytes": 1}',
        '{"kind": "Advanced", "documents_opened": "1"}',
        '{"kind": "Advanced", "pages": {"ocr": null}}',
        '{"kind": "Advanced", "because": [1]}',
        '{"kind": "Advanced", "ended": [{"path": "a", "pages": 3}]}',
        '{"kind": "Finished", "status": "succeeded", "error": 1}',
        '{"kind": "Finished", "status": "asleep", "error": null}',
        '{"kind": "Stopped", "no_room": false}',
    ],
)
def test_what_is_no_message_is_not_taken_for_one(pair: Pair, said: str) -> None:
    pair[0].send_bytes(said.encode())
    with pytest.raises((ValueError, KeyError, TypeError)):
        receive(pair[1])


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
