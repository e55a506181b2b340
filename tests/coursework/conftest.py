"""What the tests of coursework need, or the word why they are skipped."""

import pytest

pytest.importorskip("nbgrader", reason="the instructor extra is not installed")
pytest.importorskip("distributed", reason="the instructor extra is not installed")

from coursework.grader.probe import choose_sandbox
from coursework.grader.sandbox import SandboxError, drop_room
from tests.coursework.material import write_assignment


@pytest.fixture(scope="session")
def sandbox_kind():
    """The kind of sandbox on this machine."""
    try:
        return choose_sandbox()
    except SandboxError as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    finally:
        drop_room()


@pytest.fixture
def key(tmp_path):
    """A folder with the assignment ps0."""
    return write_assignment(tmp_path / "key")
