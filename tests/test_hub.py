"""The hub's settings as they are written. `make test-hub` runs a hub with them."""

import ast
import contextlib
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from traitlets.config.loader import PyFileConfigLoader

from course_utils import machine
from tests.notebook import LESSONS, ROOT
from tools import heads, hub

SOURCE = "https://github.com/ada/course"
TRIAL = {
    "HUB_STATE": "state",
    "HUB_PROXY": '["proxy"]',
    "HUB_PROXY_PORT": "1",
    "HUB_PORT": "2",
    "HUB_ADDRESS": "http://127.0.0.1:3",
}


def load(path, monkeypatch, **environment):
    """The settings in a file, read as JupyterHub and Jupyter do."""
    for name in [*TRIAL, "HUB_EXCHANGE", "HUB_MEMORY", "HUB_CPUS", "COURSE_SOURCE", "JUPYTERHUB_USER"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return PyFileConfigLoader(str(path)).load_config()


@pytest.fixture
def of_class(monkeypatch):
    return load(ROOT / "hub" / "jupyterhub_config.py", monkeypatch, COURSE_SOURCE=SOURCE)


@pytest.fixture
def of_trial(monkeypatch):
    return load(ROOT / "hub" / "trial_config.py", monkeypatch, COURSE_SOURCE=SOURCE, **TRIAL)


def link(address):
    """What a link of nbgitpuller asks for."""
    assert urlsplit(address).path == "/git-pull"
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """Settings of a copy of the hub whose pyproject.toml names an address."""

    def settings(address):
        shutil.copytree(ROOT / "hub", tmp_path / "hub", dirs_exist_ok=True)
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        text = re.sub('^Repository = ".*"', f'Repository = "{address}"', text, flags=re.M)
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "hub" / "jupyterhub_config.py", monkeypatch)

    return settings


def test_a_forks_hub_serves_the_fork(fork):
    asked = link(fork(SOURCE).Spawner.default_url)
    assert (asked["repo"], asked["branch"]) == (SOURCE, heads.EDITION)
    assert asked["urlpath"] == f"lab/tree/{asked['targetpath']}/notebooks/{LESSONS[0].name}"


def test_an_unpublished_course_says_so(fork):
    with pytest.raises(ValueError, match="COURSE_SOURCE: nobody has published"):
        fork("https://github.com/OWNER/any-name")


def test_a_class_logs_in_with_accounts_of_the_machine(of_class):
    assert of_class.JupyterHub.authenticator_class == "pam" and of_class.JupyterHub.spawner_class == "localprocess"
    assert of_class.PAMAuthenticator.allowed_groups == {"students", "teachers"}
    assert "allow_all" not in of_class.Authenticator
    admins = {name for part in of_class.values() for name in part if "admin" in name}
    assert admins == set()  # an admin could enter the server of an account with sudo
    assert urlsplit(of_class.JupyterHub.bind_url).hostname == "127.0.0.1"


def test_the_trial_is_the_class_behind_an_open_door_on_this_computer(of_class, of_trial):
    assert of_trial.JupyterHub.authenticator_class == "dummy" and of_trial.JupyterHub.spawner_class == "simple"
    assert urlsplit(of_trial.JupyterHub.bind_url).hostname == "127.0.0.1"
    for part, name in (("Spawner", "default_url"), ("Spawner", "environment"), ("JupyterHub", "services")):
        assert of_trial[part][name] == of_class[part][name]
    assert of_trial.SimpleLocalProcessSpawner.home_dir_template == str(Path("state", "homes", "{username}"))


@pytest.mark.parametrize(
    ("cpus", "quota", "threads"), [("1", None, "1"), ("3", None, "3"), ("3", 2.5, "2"), (".5", 8, "1")]
)
def test_threads_of_a_server_follow_its_share_and_the_quota(cpus, quota, threads, monkeypatch):
    monkeypatch.setattr(machine, "quota", lambda: quota)
    monkeypatch.setattr(machine, "processors", lambda: 16)
    path = ROOT / "hub" / "jupyterhub_config.py"
    settings = load(path, monkeypatch, COURSE_SOURCE=SOURCE, HUB_CPUS=cpus, HUB_MEMORY="1.5")
    assert settings.Spawner.environment["OMP_NUM_THREADS"] == threads
    assert settings.Spawner.cmd[:2] == ["prlimit", f"--data={3 * 2**29}"]


def test_all_that_the_settings_name_is_there(of_class):
    place = Path(of_class.Spawner.environment["JUPYTER_CONFIG_PATH"])
    assert place == ROOT / "hub" / "jupyter"
    assert {path.name for path in place.iterdir()} >= {"nbgrader_config.py", "jupyter_server_config.py", "labconfig"}
    assert all(json.loads((place / "labconfig" / "page_config.json").read_text())["disabledExtensions"].values())
    extra = {re.split("[=<>]", line)[0] for line in heads.project()["optional-dependencies"]["hub"]}
    (culler,) = of_class.JupyterHub.services
    assert culler["command"][:3] == [sys.executable, "-m", "jupyterhub_idle_culler"]
    assert {"jupyterhub", "jupyterhub-idle-culler", "nbgitpuller", "nbgrader"} <= extra
    (role,) = of_class.JupyterHub.load_roles
    assert role["services"] == [culler["name"]]


def test_the_exchange_knows_a_student_by_the_hubs_name(monkeypatch):
    path = ROOT / "hub" / "jupyter" / "nbgrader_config.py"
    teacher = load(path, monkeypatch)
    assert teacher.Exchange.root == "/srv/exchange" and "student_id" not in teacher.CourseDirectory
    monkeypatch.setattr("pwd.getpwuid", lambda number: SimpleNamespace(pw_name="ann"))
    own = load(path, monkeypatch, JUPYTERHUB_USER="ann", HUB_EXCHANGE="elsewhere")
    assert own.Exchange.root == "elsewhere" and "student_id" not in own.CourseDirectory
    assert load(path, monkeypatch, JUPYTERHUB_USER="bob").CourseDirectory.student_id == "bob"


def test_kubernetes_gets_the_same_link(of_class):
    values = yaml.safe_load((ROOT / "hub" / "z2jh.yaml").read_text(encoding="utf-8"))
    ours, theirs = link(of_class.Spawner.default_url), link(values["singleuser"]["defaultUrl"])
    assert theirs.pop("repo") == heads.address() and ours.pop("repo") == SOURCE
    assert theirs == ours
    assert values["singleuser"]["image"]["tag"] == heads.project()["version"]
    assert values["proxy"]["https"]["hosts"] and "@" in values["proxy"]["https"]["letsencrypt"]["contactEmail"]


def blocks(language):
    """What the page tells a reader to write or to run."""
    page = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def test_the_machine_gets_the_branch_without_keys():
    clones = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("git clone")]
    assert len(clones) == 1 and f"--single-branch --branch {heads.EDITION} " in clones[0]


def test_another_login_admits_the_two_groups_and_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setattr("grp.getgrnam", lambda name: SimpleNamespace(gr_mem=[f"one of the {name}"]))
    (example,) = blocks("python")
    (tmp_path / "own.py").write_text(example.replace("/srv/course", str(ROOT)))
    settings = load(tmp_path / "own.py", monkeypatch, COURSE_SOURCE=SOURCE)
    assert settings.Authenticator.allowed_users == {"one of the students", "one of the teachers"}
    assert settings.Authenticator.allow_existing_users is False and "allow_all" not in settings.Authenticator


def test_a_trial_says_that_its_port_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"Port {port} is taken. .*--port={port + 1}"), hub.trial(tmp_path, port):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_trial_that_is_ended_while_it_starts_says_nothing(monkeypatch):
    @contextlib.contextmanager
    def trial(*arguments):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(hub, "trial", trial)
    monkeypatch.setattr(sys, "argv", ["tools.hub"])
    hub.main()


def test_a_machine_of_kubernetes_holds_as_many_servers_as_the_page_says():
    student = yaml.safe_load((ROOT / "hub" / "z2jh.yaml").read_text(encoding="utf-8"))["singleuser"]
    page = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    processors, gigabytes = map(int, re.search(r"Kubernetes, 28 with (\d+) processors and (\d+) GB", page).groups())
    servers, megabytes = map(int, re.search(r"and (\d+) × the (\d+) MB", page).groups())
    assert student["memory"]["guarantee"] == f"{megabytes}M" and servers * megabytes < gigabytes * 1024
    assert servers * student["cpu"]["guarantee"] < processors


def test_links_for_a_class_ask_for_what_the_hub_itself_does(of_class, monkeypatch):
    made = hub.links("https://hub.example.edu/", SOURCE)
    assert list(made) == [path.stem for path in LESSONS]
    start, first = "https://hub.example.edu/hub/user-redirect", link(of_class.Spawner.default_url)
    assert all(address.startswith(f"{start}/git-pull?") for address in made.values())
    asked = link(made[LESSONS[0].stem].removeprefix(start))
    assert asked == first
    monkeypatch.setenv("COURSE_SOURCE", SOURCE)
    assert hub.links("https://hub.example.edu") == made
    with pytest.raises(ValueError, match="Nobody has published"):
        hub.links("https://hub.example.edu", "https://github.com/OWNER/any-name")


def test_the_image_copies_what_is_there():
    """All that the Dockerfile takes by name is in the student edition, in which it is built."""
    source = (ROOT / "coursework" / "grader" / "student.py").read_text(encoding="utf-8")
    files = set(ast.literal_eval(re.search(r"^FILES = (\(.*?^\))", source, re.M | re.S)[1]))
    lines = (ROOT / "hub" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    named = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1] if word != "."]
    assert named == ["requirements.txt", "constraints.txt"] and {*named, "pyproject.toml", "hub/**/*"} <= files


def test_the_student_edition_grows_in_a_repository_of_its_own(tmp_path, monkeypatch):
    """Each trial adds a commit, so students who pull get what is new."""

    def written(command, **options):
        if "coursework.grader.student" not in command:
            return run(command, **options)
        Path(command[-1]).mkdir()
        Path(command[-1], "README.md").write_text(f"edition {next(editions)}")

    run, editions = hub.subprocess.run, iter([1, 2])
    monkeypatch.setattr(hub, "subprocess", SimpleNamespace(run=written, DEVNULL=hub.subprocess.DEVNULL))
    for edition in (1, 2):
        assert hub.publish(tmp_path) == (tmp_path / "course.git").as_uri()
        git = ["git", f"--git-dir={tmp_path / 'course.git'}"]
        shown = run([*git, "show", f"{heads.EDITION}:README.md"], capture_output=True, text=True, check=True)
        assert shown.stdout == f"edition {edition}"
        count = run([*git, "rev-list", "--count", heads.EDITION], capture_output=True, text=True, check=True)
        assert count.stdout.strip() == str(edition)
