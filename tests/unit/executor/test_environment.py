import os
import subprocess

import pytest

from supervisor.executor.environment import executor_environment, replaced_environment

FORBIDDEN = (
    "AWS_SECRET_ACCESS_KEY DATABASE_URL PGPASSWORD GIT_DIR GIT_WORK_TREE GIT_ASKPASS GIT_CONFIG_COUNT GITHUB_TOKEN "
    "SSH_AUTH_SOCK SSH_AGENT_PID GPG_AGENT_INFO PYTHONPATH PYTHONSTARTUP LD_PRELOAD HTTP_PROXY NETRC "
    "XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS MY_PASSWORD LC LCX"
)


def test_only_what_is_listed_reaches_an_executor() -> None:
    allowed = {"PATH": "/bin", "HOME": "/h", "LANG": "C", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TMPDIR": "/t"}
    forbidden = dict.fromkeys(FORBIDDEN.split(), "secret")
    seen = executor_environment({**allowed, **forbidden, "TESSDATA_PREFIX": "/d"})
    ours = {"OMP_THREAD_LIMIT", "PYTHONUNBUFFERED", "PYTHONWARNINGS"}
    assert {name: value for name, value in seen.items() if name not in ours} == {**allowed, "TESSDATA_PREFIX": "/d"}
    assert seen["OMP_THREAD_LIMIT"] == "1"


def test_tesseract_threads_are_not_the_users_to_choose() -> None:
    assert executor_environment({"OMP_THREAD_LIMIT": "8"})["OMP_THREAD_LIMIT"] == "1"


def test_children_see_the_replaced_environment_and_it_comes_back() -> None:
    before = dict(os.environ)

    def look_and_fail() -> None:
        with replaced_environment({"PATH": before["PATH"], "ONLY": "this"}):
            seen = subprocess.run(["env"], stdout=subprocess.PIPE, text=True, check=True).stdout
            names = {line.partition("=")[0] for line in seen.splitlines()}
            assert "ONLY=this" in seen
            assert not (names & before.keys()) - {"PATH"}
            raise KeyError

    with pytest.raises(KeyError):
        look_and_fail()
    assert dict(os.environ) == before
