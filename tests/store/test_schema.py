import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store.engine import open_engine, transaction
from supervisor.store.schema import SchemaError, prepare_control, prepare_results
from supervisor.store.tables import SCHEMA_VERSION, control, schema_version

# DESIGN.md §5.3: what other tools rely on.
CONTRACT = {
    "sessions": "id title intent status created_at started_at finished_at",
    "runs": "id run_id session_id lane status priority attempt max_retries retry_count rescue_count timeout_seconds "
    "commit_sha repository spec available_at claimed_by claimed_at heartbeat_at lease_term cancel_requested_at "
    "pause_requested_at requested_by cancelled_at error created_at started_at finished_at settled_at",
    "run_events": "id run_id attempt lease_term at actor event from_status to_status detail",
    "supervisors": "id host machine_id boot_id pid process_started_at version desired_workers heartbeat_at",
    "workers": "id supervisor_id session_id repositories status current_run heartbeat_at started_at",
    "file_locks": "repository path session_id run_id acquired_at",
    "documents": "run run_id attempt path blob_sha job status page_count error",
    "pages": "run run_id attempt document page_number status source text mean_confidence low_confidence "
    "weak_word_share word_count duration_ms page_key error",
}


@pytest.mark.parametrize("table", CONTRACT)
def test_the_columns_that_others_rely_on(engine: Engine, table: str) -> None:
    prepare_results(engine)
    with transaction(engine) as connection:
        columns = {column["name"] for column in sa.inspect(connection).get_columns(table)}
    assert set(CONTRACT[table].split()) <= columns


def test_preparing_again_changes_nothing(engine: Engine) -> None:
    prepare_control(engine)
    with transaction(engine) as connection:
        assert connection.scalars(sa.select(schema_version.c.version)).all() == [SCHEMA_VERSION]


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    engine = open_engine(database_url)
    prepare_control(engine)
    with transaction(engine) as connection:
        control.tables["ops.file_locks"].drop(connection)
        connection.execute(sa.update(schema_version).values(version=SCHEMA_VERSION + 1))
    with pytest.raises(SchemaError) as caught:
        prepare_control(engine)
    assert caught.value.exit_code == 4
    assert f"schema {SCHEMA_VERSION + 1}" in caught.value.message
    with transaction(engine) as connection:
        assert not sa.inspect(connection).has_table("file_locks")
    engine.dispose()
