"""What the tests of the grader need; without the instructor extra or a sandbox they are left out, and it says so."""

import importlib.util
import sys

import pytest

from tests.coursework.material import write_assignment

MISSING = [name for name in ("nbgrader", "distributed") if importlib.util.find_spec(name) is None]
NEED_IT = (
    "attacks",
    "by_hand",
    "crossing",
    "derivations",
    "edge",
    "fair",
    "formgrade",
    "give_back",
    "grading",
    "hostile",
    "limits",
    "machine",
    "needed",
    "own_derivations",
    "own_runs",
    "plain",
    "student_edition",
)
collect_ignore = [f"test_{name}.py" for name in NEED_IT] if MISSING else []


def pytest_report_header():
    """Say what is left out."""
    if MISSING:
        return (
            f"the grader's tests are left out: {' and '.join(MISSING)} not installed, `pip install -e '.[instructor]'`"
        )
    return None


@pytest.fixture(scope="session")
def sandbox_kind():
    """The kind of sandbox on this machine."""
    from coursework.grader.probe import choose_sandbox
    from coursework.grader.sandbox import SandboxError

    try:
        return choose_sandbox()
    except SandboxError as error:
        pytest.skip(f"no sandbox on this machine: {error}")


@pytest.fixture
def key(tmp_path):
    """A folder with the assignment ps0."""
    return write_assignment(tmp_path / "key")


@pytest.fixture(scope="session")
def runner():
    """The program that runs in the sandbox, as a module."""
    from coursework import plain
    from coursework.grader import blame, magics, sandbox

    spec = importlib.util.spec_from_file_location("runner", sandbox.RUNNER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for beside in (plain, blame, magics):  # these lie beside it in there
            patch.setitem(sys.modules, beside.__name__.rpartition(".")[2], beside)
        spec.loader.exec_module(module)
    return module
