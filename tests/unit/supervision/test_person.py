import getpass
import os

import pytest

from supervisor.supervision.person import user_name


@pytest.mark.parametrize("error", [KeyError, OSError])  # the latter from Python 3.13 on
def test_who_has_no_name_goes_by_a_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nobody_knows() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody_knows)
    assert user_name() == f"uid {os.getuid()}"
