"""Where one's own derivation is asked for, no way of calling the package or a library gets its derivative accepted.

Each trick is tried in both rooms of the sandbox: in the open one, where any way of computing will do, it works; in the
bare one, which alone answers such a question, there is nothing to call.
"""

import ast
import json
import re

import numpy as np
import pytest

from coursework import plain
from coursework.grader import assignment as assignments
from coursework.grader import borrowed, sandbox, told
from coursework.grader.assignment import load, names
from coursework.grader.marking import Marker
from tests.coursework.material import grader, guarded, marks, submit, write_assignment
from tests.notebook import ROOT

QUESTIONS = {q: question for name in names() for q, question in load(name).questions.items()}
DERIVED = [q for q, question in QUESTIONS.items() if question.derive]

KEY = """
import numpy as np

from coursework.grader.question import Question

def _draw(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), rng.uniform(-1, 1, H)

def _right(W, h):
    return np.diag(1 - np.tanh(W @ h) ** 2) @ W

QUESTIONS = [
    Question(name="step", points=10, objective="Run.", right=lambda W, h: np.tanh(W @ h), draw=_draw),
    Question(name="total", points=5, objective="Derive.", right=_right, draw=_draw, derive=True),
    Question(name="slope", points=2, objective="Know the slope.", right=0.25),
]
"""
BY_TORCH = """
def differentiate(torch, W, h):
    W, h = torch.tensor(W), torch.tensor(h)
    return torch.autograd.functional.jacobian(lambda state: torch.tanh(W @ state), h)
"""
BY_PACKAGE = """
def by_package(jacobians, W, h):
    from course_utils.cells import Params, forward
    zero = np.zeros(len(h))
    params = Params("RNN", np.zeros((len(h), 1)), W, zero, zero)
    return jacobians(forward(params, np.zeros((1, 1)), h0=h))[0]
"""
TRICKS = {  # what `total` does with its arguments W and h
    "import": "import torch\n    return differentiate(torch, W, h)",
    "exec": "found = {}\n    exec('import ' + 'to' + 'rch as t', found)\n    return differentiate(found['t'], W, h)",
    "dunder import": "return differentiate(__builtins__['__import__']('torch'), W, h)",
    "importlib": "import importlib\n    return differentiate(importlib.import_module('t' + 'orch'), W, h)",
    "no finders of ours": (
        "import sys\n    sys.meta_path[:] = [f for f in sys.meta_path if 'Absen' not in type(f).__name__]\n"
        "    import torch\n    return differentiate(torch, W, h)"
    ),
    "by its place": (
        "import importlib.machinery, importlib.util, os, sys\n"
        "    place = os.path.dirname(os.path.dirname(np.__file__))\n"
        "    spec = importlib.machinery.PathFinder.find_spec('torch', [place])\n"
        "    if not hasattr(total, 'torch'):\n"
        "        sys.modules['torch'] = total.torch = importlib.util.module_from_spec(spec)\n"
        "        spec.loader.exec_module(total.torch)\n    return differentiate(total.torch, W, h)"
    ),
    "another Python": (
        "import json, subprocess, sys\n    code = 'import json, sys, torch'\n"
        "    code += '; W, h = (torch.tensor(x, dtype=torch.float64) for x in json.load(sys.stdin)); '\n"
        "    code += 'print(torch.autograd.functional.jacobian(lambda s: torch.tanh(W @ s), h).tolist())'\n"
        "    given = json.dumps([W.tolist(), h.tolist()])\n    pipe = subprocess.PIPE\n"
        "    told = subprocess.run([sys.executable, '-c', code], input=given, text=True, stdout=pipe).stdout\n"
        "    return np.array(json.loads(told))"
    ),
    "package": "from course_utils.gradients import jacobians\n    return by_package(jacobians, W, h)",
    "package by getattr": (
        "import course_utils, importlib\n    importlib.import_module('course_utils.gra' + 'dients')\n"
        "    return by_package(getattr(getattr(course_utils, 'gra' + 'dients'), 'jaco' + 'bians'), W, h)"
    ),
    "the package's source": (
        "import sys, types\n    module = sys.modules['own'] = types.ModuleType('own')\n"
        "    exec(open('/room/course_utils/gradients.py').read(), module.__dict__)\n"
        "    return by_package(module.jacobians, W, h)"
    ),
    "the package's compiled code": (
        "import glob, marshal, sys, types\n    (place,) = glob.glob('/room/course_utils/__pycache__/gradients*.pyc')\n"
        "    module = sys.modules['own'] = types.ModuleType('own')\n"
        "    exec(marshal.loads(open(place, 'rb').read()[16:]), module.__dict__)\n"
        "    return by_package(module.jacobians, W, h)"
    ),
    "modules that are loaded": (
        "import sys, course_utils.norms, course_utils.gradients\n"
        "    return by_package(sys.modules['course_utils.gradients'].jacobians, W, h)"
    ),
    "no walls": (
        "import ctypes, os\n    for place in {np.__file__.replace('numpy/__init__.py', 'torch'), '/room'}:\n"
        "        ctypes.CDLL(None).umount2(place.encode(), 2)\n"
        "    import torch\n    return differentiate(torch, W, h)"
    ),
    "strictness switched off": (
        "import __main__, gc\n    for thing in gc.get_objects():\n"
        "        if isinstance(thing, type) and thing.__name__ == 'Absent':\n            thing.strict = False\n"
        "    import torch\n    return differentiate(torch, W, h)"
    ),
    "the copy of another Python": (
        "import glob, sys\n    sys.meta_path[:] = [f for f in sys.meta_path if 'Absen' not in type(f).__name__]\n"
        "    for top in {sys.base_prefix, '/usr', '/usr/local'}:\n"
        "        sys.path += glob.glob(top + '/lib/python3*/*-packages')\n"
        "    import mpmath\n"
        "    return np.array([float(mpmath.diff(mpmath.tanh, float(a))) for a in W @ h])[:, None] * W"
    ),
    "a pickle": (
        "import pickle\n    jacobian = pickle.loads(b'ctorch.autograd.functional\\njacobian\\n.')\n"
        "    import torch\n    W, h = torch.tensor(W), torch.tensor(h)\n"
        "    return jacobian(lambda state: torch.tanh(W @ state), h)"
    ),
}
CELLS = ["import numpy as np\n" + BY_TORCH + BY_PACKAGE]
HEAD = "def total(W, h):\n    "
OWN = HEAD + "return np.diag(1 - np.tanh(W @ h) ** 2) @ W"


@pytest.fixture(scope="module")
def answered(tmp_path_factory, sandbox_kind):
    """What the marker says of a trick in either room: answered(body, derive)."""
    assignment = load("ps0", write_assignment(tmp_path_factory.mktemp("key"), KEY))
    inputs = assignments.draw(assignment, 7, 2)
    marker = Marker(assignment, inputs)
    case = marker.cases["ps0_total"]

    def answer(body, derive=True, before=()):
        question = {"name": "ps0_total", "answer": "total", "calls": inputs["ps0_total"], "derive": derive}
        job = {"cells": [*CELLS, *before, HEAD + body], "questions": [question], "seed": 7}
        text, problem = sandbox.execute(job, sandbox_kind, sandbox.Limits())
        assert problem is None, problem
        reply = json.loads(text.split("\n")[-1])["answers"]["ps0_total"]
        right = not reply.get("raised") and len(reply["values"]) == 2
        return right and not any(
            each.complaint(plain.decode(value)) for each, value in zip(case, reply["values"], strict=True)
        ), str(reply)

    return answer


@pytest.mark.parametrize("name", TRICKS)
def test_no_trick_works_in_the_bare_room(answered, name):
    right, reply = answered(TRICKS[name], derive=False)
    assert right, f"the trick is a live one: {reply}"
    right, reply = answered(TRICKS[name])
    assert not right, reply


def test_ones_own_derivation_works_beside_a_torch_that_is_not_there(answered):
    """Cells that import and use it in passing run on, and define what they define."""
    before = [
        "import torch\nimport torch.nn.functional as F\nfrom torch import nn\nfrom course_utils import norms\n"
        "from course_utils.gradients import jacobians as ways\ntorch.manual_seed(0)\ntorch.set_num_threads(1)\n"
        "class Net(nn.Module):\n    pass\ndef slope(h):\n    return 1 - h ** 2"
    ]
    right, reply = answered("return np.diag(slope(np.tanh(W @ h))) @ W", before=before)
    assert right, reply
    right, reply = answered("return torch.tensor(np.diag(slope(np.tanh(W @ h))) @ W)", before=before)
    assert not right and "NotHereError" in reply


IN_PASSING = [
    "print(torch.__version__)",
    "with torch.no_grad():\n    x = 2 * torch.ones(3) / 3 - 1\n    x[0] += -x[1] ** 2",
    "assert (torch.ones(3) == torch.ones(3)).all()\nassert abs(torch.ones(3) - 1).max() < 1e-9",
    "print(f'{torch.pi:.3f} {torch.pi}', '%.3f' % torch.tensor(1.0), float(torch.pi))",
    "def g(x: np.ndarray | torch.Tensor, y: torch.Tensor | None = None) -> None | torch.Tensor:\n    pass",
    "import typing\ndef g(x: typing.Optional[torch.Tensor]) -> list[torch.Tensor]:\n    pass",
    "for row in range(torch.ones(3).shape[0]):\n    total = int(torch.ones(()))",
    "for row in torch.ones(3):\n    print(row)\nkinds = {torch.float64: 8}",
    "rows = []\nwhile torch.optim.step():\n    rows.append(1)",
    "assert np.allclose(np.ones(3) @ torch.ones(3), 3)\nassert np.abs(np.ones(3) - torch.ones(3)).max() < 1e-9",
    "if torch.cuda.is_available() and torch.zeros(1) >= 0:\n    device = 'cuda'",
    "class Net(torch.nn.Module):\n    def __init__(self, width):\n        super().__init__()\n"
    "        self.width = width\nnet = Net(3)\nassert net.width == 3\nnet.to('cpu')\nlist(net.parameters())",
    "class Both(torch.nn.Module, torch.nn.Other):\n    pass\nBoth()",
    "try:\n    with torch.no_grad():\n        raise KeyError\nexcept KeyError:\n    raised = True\nassert raised",
]


def test_no_use_in_passing_of_an_absent_torch_ends_a_cell(answered, sandbox_kind):
    """Else the functions below it in the same cell would be lost."""
    cells = [f"import numpy as np\nimport torch\n{use}" for use in IN_PASSING]
    question = {"name": "q", "answer": "total", "calls": [], "derive": True}
    job = {"cells": cells, "questions": [question], "seed": 7}
    text, problem = sandbox.execute(job, sandbox_kind, sandbox.Limits(cell_seconds=10))
    assert problem is None, problem
    assert json.loads(text.split("\n")[-1])["cells"] == {}
    body = "if isinstance(W, torch.Tensor) or issubclass(type(W), torch.Tensor):\n        return None\n    "
    body += "assert isinstance(W, np.ndarray | torch.Tensor)\n    return np.diag(1 - np.tanh(W @ h) ** 2) @ W"
    right, reply = answered(body, before=["import torch"])
    assert right, reply
    for use in ("W + there", "there + W", "np.abs(there)", "float(there)", "there[0]", "there < 1", "-there"):
        right, reply = answered(f"return {use}", before=["import torch\nthere = torch.ones(3)"])
        assert not right and "NotHereError" in reply


DECORATED = [
    "import torch\n@torch.no_grad()\n",
    "import torch\n@torch.compile\n",
    "import torch\n@torch.compile(dynamic=True)\n",
    "import jax, functools\n@functools.partial(jax.jit, static_argnums=())\n",
    "import functools\n@functools.lru_cache(None)\ndef kept():\n    pass\n@functools.wraps(kept)\n",
    "import asyncio\nawait asyncio.sleep(0)\n",
    "import asyncio\nasync def wait():\n    return np.ones(3)\ntask = asyncio.ensure_future(wait()) if 0 else wait()\n"
    "three = await task\nasync with asyncio.Lock():\n    assert len(three) == 3\n",
    "%matplotlib inline\nfiles = !ls\nprint?\n",
    "%%time\n",
]


@pytest.mark.parametrize("before", DECORATED, ids=range(len(DECORATED)))
def test_what_stands_around_a_derivation_costs_nothing(answered, before):
    """A decorator of what isn't there, what is waited for, magics."""
    own = f"{before}def own(W, h):\n    return np.diag(1 - np.tanh(W @ h) ** 2) @ W"
    right, reply = answered("return own(W, h)", before=[f"import numpy as np\n{own}" if own[0] != "%" else own])
    assert right, reply
    cells = ["import numpy as np", own.replace("def own", "def total")]
    assert borrowed.complaint(cells, "total") is None
    stepped = own.replace("h):\n    return", "h):\n    h = h + 1e-20j\n    return").replace("def own", "def total")
    assert "complex step" in borrowed.complaint(["import numpy as np", stepped], "total")


def test_no_gradient_is_needed_within_a_derivation(answered):
    """A block, a decorator, a net in which nothing happens: what is computed is NumPy's."""
    body = "with torch.no_grad(), torch.inference_mode():\n        "
    body += "@torch.no_grad()\n        def slope(h):\n            return 1 - h**2\n"
    body += "        return np.diag(slope(np.tanh(W @ h))) @ W"
    right, reply = answered(body, before=["import torch"])
    assert right, reply
    for nothing in ("torch.eye()", "torch.eye() @ W", "float(torch.eye())", "np.array(torch.eye())", "torch.eye(2)"):
        right, reply = answered(f"return {nothing}", before=["import torch"])
        assert not right, reply


@pytest.mark.parametrize("way", ["torch.func.jacrev(run)", "torch.no_grad()(jacobian)", "torch.vmap(torch.tanh)"])
def test_a_decorator_that_is_not_there_derives_nothing(answered, way):
    before = ["import numpy as np\nimport torch\nfrom torch.autograd.functional import jacobian"]
    before[0] += f"\ndef run(h):\n    return np.tanh(h)\nway = {way}"
    right, reply = answered("return way(W @ h)", before=before)
    assert not right, reply


def test_cells_share_an_event_loop(answered):
    """As in Jupyter: what one cell begins, another may wait for."""
    begin = "import asyncio\nasync def slow():\n    await asyncio.sleep(0.01)\n    return 2\n"
    begin += "async def begin():\n    return asyncio.ensure_future(slow())\ntask = await begin()"
    right, reply = answered(
        "return np.diag(1 - np.tanh(W @ h) ** two) @ W", before=[begin, "two = await task\nassert two == 2"]
    )
    assert right, reply


def test_what_needs_torch_costs_its_own_statement_alone(answered):
    """Of a stand-in nobody knows how many it holds; what the cell defines further down is there all the same."""
    before = [
        "from __future__ import annotations\nimport numpy as np\nimport torch\n"
        "out, last = torch.nn.GRU(1, 1)(torch.ones(3, 1))\nassert len(out) == 3\n"
        "np.testing.assert_allclose(out.detach().numpy(), np.ones(3))\n"
        "def slope(h: unheard | of) -> wherever:\n    return 1 - h ** 2"
    ]
    right, reply = answered("return np.diag(slope(np.tanh(W @ h))) @ W", before=before)
    assert right, reply
    right, reply = answered("return out @ W", before=before)
    assert not right, reply


ROOT_OF_MINUS_ONE = "1e-30 * (-1) ** 0.5"
STEPS = {  # what no reader of the code sees
    "by a function": f"i = {ROOT_OF_MINUS_ONE}\n    return columns([run(W, h + i * e) for e in np.eye(len(h))])",
    "unnamed": f"return columns([run(W, h + {ROOT_OF_MINUS_ONE} * e) for e in np.eye(len(h))])",
    "in place": f"i = {ROOT_OF_MINUS_ONE}\n    return columns([np.tanh(W @ (h + i * e)) for e in np.eye(len(h))])",
    "forgotten": f"i = {ROOT_OF_MINUS_ONE}\n    y = [np.tanh(W @ (h + i * e)) for e in np.eye(len(h))]\n    del i\n"
    "    return columns(y)",
    "in a thread": "import threading\n    found = []\n"
    f"    work = lambda: [found.append(run(W, h + {ROOT_OF_MINUS_ONE} * e)) for e in np.eye(len(h))]\n"
    "    thread = threading.Thread(target=work)\n    thread.start()\n    thread.join()\n    return columns(found)",
    "by tuple": f"return columns([inner((W, h + {ROOT_OF_MINUS_ONE} * e)) for e in np.eye(len(h))])",
    "by trial": f"try:\n        run(W, h + {ROOT_OF_MINUS_ONE})\n    except BaseException:\n        pass\n"
    f"    return columns([run(W, h + {ROOT_OF_MINUS_ONE} * e) for e in np.eye(len(h))])",
}
BY_STEP = f"return columns([run(W, h + {ROOT_OF_MINUS_ONE} * e) for e in np.eye(len(h))])"
SLY = f"def sly(W, h):\n    {BY_STEP}"
OWN_MODULE = "text = " + repr("import numpy as np\nfrom __main__ import run, columns\n" + SLY)
LOOKS_AWAY = {  # name: (a cell, body): the same step where nobody looks
    "a hook put away for a while": (
        "",
        "import sys\n    hook = sys.gettrace()\n    sys.settrace(None)\n    y = sly(W, h)\n"
        "    sys.settrace(hook)\n    return y",
    ),
    "a thread without a hook": (
        "",
        "import _thread, time\n    found = []\n    _thread.start_new_thread(lambda: found.append(sly(W, h)), ())\n"
        "    while not found:\n        time.sleep(0.01)\n    return found[0]",
    ),
    "a thread that is told of no hook": (
        "",
        "import threading\n    threading.settrace(None)\n    found = []\n"
        "    thread = threading.Thread(target=lambda: found.append(sly(W, h)))\n"
        "    thread.start(); thread.join()\n    return found[0]",
    ),
    "another process": (
        "",
        "import json, os\n    source, sink = os.pipe()\n    if os.fork() == 0:\n"
        "        os.write(sink, json.dumps(sly(W, h).tolist()).encode())\n        os._exit(0)\n"
        "    os.close(sink)\n    return np.array(json.loads(os.read(source, 65536)))",
    ),
    "a pool of processes": (
        "",
        "import multiprocessing\n    with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "        return pool.starmap(sly, [(W, h)])[0]",
    ),
    "a hook that is none": (
        "import sys\nkept = []\nsys.settrace = kept.append\nsys.gettrace = lambda: next(k for k in kept[::-1] if k)",
        "return sly(W, h)",
    ),
    "another function of the grader": (
        "scope = display.__class__.__call__.__globals__\nfor name in list(scope):\n"
        "    if name in ('in_reals', 'answer_in_reals', 'followed'):\n        scope[name] = scope['answer']",
        "return sly(W, h)",
    ),
    "no difference between types": (
        "import builtins\nbuiltins.issubclass = lambda *_: False\nbuiltins.type = lambda *_: float",
        "return sly(W, h)",
    ),
    "code without a cell": (f"exec({SLY!r}, globals())\nsly2 = sly", "return sly2(W, h)"),
    "code of another name": (
        "exec(compile(text, 'own.py', 'exec'), globals())\nsly2 = sly",
        "return sly2(W, h)",
    ),
    "a module of one's own": (
        "open('own.py', 'w').write(text)\nimport sys\nsys.path.insert(0, '')",
        "import own\n    return own.sly(W, h)",
    ),
    "a line that was passed often": (
        "",
        "for i in range(60 * 100):\n        e, k = np.eye(len(h))[i % len(h)], i // 3000\n"
        f"        y = columns([run(W, h + k * {ROOT_OF_MINUS_ONE} * u) for u in np.eye(len(h))]) if k else 0\n"
        "    return y",
    ),
}
RUN = [
    "def run(W, h):\n    return np.tanh(W @ h)\ndef inner(both):\n    W, h = both\n    return run(W, h)\n"
    "def columns(found):\n    return np.array([y.view(float)[1::2] / 1e-30 for y in found]).T"
]


@pytest.mark.parametrize("name", LOOKS_AWAY)
def test_nothing_looks_away_when_a_derivation_is_computed(answered, name):
    """No hook, thread, process, module or patch of a submission hides complex numbers from the bare room."""
    cell, body = LOOKS_AWAY[name]
    before = [*RUN, "import numpy as np\n" + SLY, OWN_MODULE, cell]
    right, reply = answered(body, derive=False, before=before)
    assert right or "type" in name, f"the way is a live one: {reply}"
    right, reply = answered(body, before=before)
    assert not right, reply


SEARCHES = {
    "frames": "import sys\nframe = sys._getframe(1)",
    "tracebacks": "try:\n    1 / 0\nexcept ArithmeticError as error:\n    frame = error.__traceback__.tb_frame.f_back",
    "objects": "import gc\nlists = [thing for thing in gc.get_objects() if isinstance(thing, list)]",
    "code": "def f():\n    pass\nf.__code__ = (lambda: 1).__code__",
}
DAILY = """
import collections, dataclasses, functools, logging, traceback, warnings
Net = collections.namedtuple("Net", "W h")
@dataclasses.dataclass
class Step:
    W: np.ndarray
    def of(self, h):
        warnings.warn("a step", stacklevel=2)
        logging.getLogger("own").warning("a step")
        return np.diag(1 - np.tanh(self.W @ h) ** 2) @ self.W
try:
    1 / 0
except ArithmeticError:
    text = traceback.format_exc()
@functools.lru_cache
def own():
    return Step
"""


@pytest.mark.parametrize("name", SEARCHES)
def test_who_looks_for_the_grader_is_named(answered, name):
    right, reply = answered(OWN.removeprefix(HEAD), before=["import numpy as np\n" + SEARCHES[name]])
    assert right and "'searched': True" in reply


def test_what_honest_code_does_is_no_search(answered):
    """Libraries look at frames all the time, and numpy.testing starts a process when it is imported."""
    body = "np.testing.assert_allclose(h, h)\n    return own()(*Net(W, h)[:1]).of(h)"
    right, reply = answered(body, before=["import numpy as np\n" + DAILY])
    assert right and "searched" not in reply and "stepped" not in reply, reply


def test_more_digits_are_seen_when_a_derivation_is_computed(answered):
    """Whatever their type is called, and whether it stands in the code or not."""
    if np.finfo(np.longdouble).eps == np.finfo(float).eps:
        pytest.skip("this machine has no such numbers")
    body = "e = np.array(1e-6, np.dtype(chr(103)))\n    "
    body += "both = [(run(W, h + e * u), run(W, h - e * u)) for u in np.eye(len(h))]\n"
    body += "    return np.array([(up - down) / (2 * e) for up, down in both], float).T"
    right, reply = answered(body, derive=False, before=RUN)
    assert right, reply
    right, reply = answered(body, before=RUN)
    assert not right and "more digits than float64" in reply, reply


@pytest.mark.parametrize("name", STEPS)
def test_complex_numbers_are_seen_when_a_derivation_is_computed(answered, name):
    """Whatever they are called: the same step is right where any way of computing will do."""
    right, reply = answered(STEPS[name], derive=False, before=RUN)
    assert right, reply
    right, reply = answered(STEPS[name], before=RUN)
    assert not right and ("complex numbers" in reply or name == "in a thread"), reply


def test_a_derivation_of_many_loops_is_in_time(answered):
    """Following a function's lines costs at most a second or two, however often it goes round."""
    body = "J = np.zeros(W.shape)\n    for _ in range(3_000_000):\n        last = h\n"
    body += "    for i in range(len(h)):\n        for j in range(len(h)):\n"
    body += "            J[i, j] = (1 - np.tanh(W[i] @ last) ** 2) * W[i, j]\n    return J"
    right, reply = answered(body)
    assert right and "'overrun': True" in reply, reply


def test_who_switches_the_look_off_earns_nothing(answered):
    right, reply = answered("import sys\n    sys.settrace(None)\n    " + STEPS["unnamed"], before=RUN)
    assert not right and "follows its numbers" in reply


POOLS = {
    "a pool": "from concurrent.futures import ThreadPoolExecutor\n    with ThreadPoolExecutor(2) as pool:\n"
    "        return np.array([*pool.map(lambda i: (1 - np.tanh(W[i] @ h) ** 2) * W[i], range(len(h)))])",
    "another pool": "from multiprocessing.pool import ThreadPool\n    with ThreadPool(2) as pool:\n"
    "        return np.array(pool.map(lambda i: (1 - np.tanh(W[i] @ h) ** 2) * W[i], range(len(h))))",
    "asyncio": "import asyncio\n"
    "    return asyncio.run(asyncio.to_thread(lambda: np.diag(1 - np.tanh(W @ h) ** 2) @ W))",
    "a process": "from multiprocessing import Process\n    Process(target=print).start()\n    return W",
}


@pytest.mark.parametrize("name", POOLS)
def test_who_shares_the_work_out_is_told_why_it_does_not_count(answered, name):
    right, reply = answered(POOLS[name], derive=False)
    assert right or name == "a process", reply
    right, reply = answered(POOLS[name])
    assert not right and told.sentence(ast.literal_eval(reply)["complaint"], "total") == told.WATCHED, reply


@pytest.mark.parametrize(
    "look",
    [
        "max(abs(e) for e in np.linalg.eigvals(np.array([[0, 1], [-1, 0]])))",
        "[abs(e) for e in np.linalg.eigvals(np.array([[0, 1], [-1, 0]]))]",
        "max(np.linalg.eigvals(np.array([[0, 1], [-1, 0]])), key=lambda e: abs(e))",
        "{n: abs(e) for n, e in enumerate(np.linalg.eigvals(np.array([[0, 1], [-1, 0]])))}",
    ],
)
def test_complex_numbers_are_named_wherever_they_were_met(answered, look):
    """A lambda has no name of its own, nor has a generator."""
    right, reply = answered(f"seen = {look}\n    return np.diag(1 - np.tanh(W @ h) ** 2) @ W")
    words = ast.literal_eval(reply)["complaint"]
    assert not right and told.known(words) and told.sentence(words, "total") == borrowed.IN_COMPLEX, words


def test_nothing_in_the_bare_room_differentiates(sandbox_kind):
    """No file of the package that imports its derivatives, or has a name like theirs, lies in there."""
    place = sandbox.bare_room()
    there = {path.relative_to(place).as_posix() for path in place.rglob("*.py")}
    assert {"course_utils/cells.py", "course_utils/tasks.py", "runner.py"} <= there
    for name in sorted(there):
        text = (place / name).read_text(encoding="utf-8")
        assert "def jacobian" not in text and "def backward" not in text and "def back" not in text, name
        assert "import torch" not in text and "course_utils.gradients import" not in text, name
    assert not [path for path in place.rglob("*") if path.stem.partition(".")[0] in ("gradients", "_kernels", "norms")]
    for library in borrowed.LIBRARIES:
        assert not (place / library).exists()
    if (ROOT / ".venv").exists():
        assert any(path.name == "torch" for path in sandbox.libraries())


@pytest.mark.parametrize("place", ["lib", "lib64", "local/lib", "envs/other/lib", "pkgs/jax-1/lib"])
def test_every_copy_of_a_library_is_hidden(tmp_path, monkeypatch, place):
    """Of this Python or of another one: whatever the sandbox shows."""
    packages = tmp_path / "top" / place / "python3.10" / "site-packages"
    elsewhere = tmp_path / "elsewhere"
    for folder in (packages / "jax", packages / "numpy", elsewhere / "sympy"):
        folder.mkdir(parents=True)
    (packages / "sympy").symlink_to(elsewhere / "sympy")
    (packages / "torch").symlink_to(packages / "jax")
    monkeypatch.setattr(sandbox, "_seen", lambda: [tmp_path / "top", tmp_path / "nowhere"])
    assert sandbox.libraries() == [packages / "jax"]


def test_what_the_open_room_says_of_a_derivation_counts_nowhere(tmp_path):
    """Nor does a second line that the open room might write."""
    assignment = load("ps0", write_assignment(tmp_path / "key", KEY))
    inputs = assignments.draw(assignment, 7, 2)
    right = assignment.questions["ps0_total"].right
    values = [plain.encode(right(*plain.decode(call))) for call in inputs["ps0_total"]]
    reply, nothing = ({"answers": answers, "cells": {}} for answers in ({"ps0_total": {"values": values}}, {}))

    def points(*lines):
        text = "\n".join(json.dumps(line) for line in lines)
        return {mark.grade_id: mark.points for mark in Marker(assignment, inputs).marks(text)}["ps0_total"]

    assert points(nothing, reply) == 5
    assert points(reply) == points(reply, nothing) == points(reply, nothing, reply) == 0


def test_a_line_that_is_two_is_no_second_room(monkeypatch):
    """The open room's text is made one line before the bare one's follows."""
    said = iter(['{"answers": {}, "cells": {}}\n{"forged": 1}', '{"answers": {}, "cells": {}}'])
    monkeypatch.setattr(sandbox, "_execute_once", lambda *_: (next(said), None))
    job = {"cells": [], "questions": [{"name": "q", "derive": True}], "seed": 0}
    text, _ = sandbox.execute(job, "unsafe", sandbox.Limits())
    assert text.count("\n") == 1 and text.split("\n")[1] == '{"answers": {}, "cells": {}}'


def test_a_second_room_that_dies_costs_the_derivations_alone(tmp_path, monkeypatch):
    assignment = load("ps0", write_assignment(tmp_path / "key", KEY))
    marker = Marker(assignment, assignments.draw(assignment, 7, 2))
    slope = {"ps0_slope": {"values": [plain.encode(0.25)]}}
    job = {"cells": [], "questions": [{"name": "ps0_slope"}, {"name": "ps0_total", "derive": True}], "seed": 0}

    def run(*said):
        replies = iter(said)
        monkeypatch.setattr(sandbox, "_execute_once", lambda *_: next(replies))
        return sandbox.execute(job, "unsafe", sandbox.Limits())

    first = (json.dumps({"cells": {}, "answers": slope}), None)
    text, problem = run(first, (None, sandbox.too_much(sandbox.Limits())))
    found = {mark.grade_id: mark for mark in marker.marks(text, problem)}
    assert problem is None and found["ps0_slope"].points == 2
    assert found["ps0_total"].points == 0 and "took more than" in found["ps0_total"].error
    assert run((None, "the notebook ended the whole sandbox")) == (None, "the notebook ended the whole sandbox")
    monkeypatch.setattr(sandbox, "WAITS", (0, 0))
    short = (None, sandbox.SHORT)
    assert run(first, short, first)[0].count("\n") == 1, "what the machine lacks is tried again"
    with pytest.raises(sandbox.MachineError):
        run(first, short, short)


def graded(place, submissions, *options):
    """The marks' rows of a class {student: cells}, by the grader's own command with these options."""
    key = write_assignment(place / "key", KEY)
    for student, cells in submissions.items():
        submit(place / "submitted", student, [*CELLS, *cells])
    run = guarded(grader(place / "submitted", place / "out", key, *options))
    assert run.returncode == 0, run.stderr
    return marks(place / "out")


def test_who_takes_all_the_time_takes_it_once(tmp_path, sandbox_kind):
    """A notebook without time left isn't run in the second room."""
    busy = "import time\nend = time.time() + 60\nwhile time.time() < end:\n    sum(range(10**5)); time.sleep(0.02)"
    rows = graded(tmp_path, {"ann": [busy, OWN]}, "--seconds", "8", "--cell-seconds", "60")
    (stored,) = (tmp_path / "out" / "runs" / "ps0").glob("*.json")
    first, second = json.loads(stored.read_text())["text"].split("\n")
    assert "no time left" in first and "no time left" in second
    assert float(rows["ann"]["score"]) == 0


def test_a_cell_that_twitches_in_its_sleep_is_asleep(tmp_path, sandbox_kind):
    sleeps = "import os, time\nif os.fork() == 0:\n    while True:\n        time.sleep(0.1)\ntime.sleep(10**6)"
    rows = graded(tmp_path, {"ann": [sleeps, OWN]}, "--seconds", "170", "--cell-seconds", "60")
    assert float(rows["ann"]["ps0_total"]) == 5


def test_from_notebook_to_mark(tmp_path, sandbox_kind):
    """Three students: torch inside exec, one's own formula, and a complex step behind exec."""
    step, slope = "def step(W, h):\n    return np.tanh(W @ h)", "slope = 0.25"
    own = HEAD + "return np.diag(1 - step(W, h) ** 2) @ W"
    hidden = HEAD + "run = eval('lambda W, h: np.tanh(W @ h)')\n    unit = np.eye(len(h))\n"
    hidden += "    return np.array([run(W, h + 1e-20j * e).imag / 1e-20 for e in unit]).T"
    answers = {"ann": own, "bob": HEAD + TRICKS["exec"], "cem": hidden}
    rows = graded(tmp_path, {student: [step, total, slope] for student, total in answers.items()})
    assert [float(rows[student]["ps0_total"]) for student in ("ann", "bob", "cem")] == [5, 0, 0]
    assert [float(rows[student]["ps0_step"]) for student in ("ann", "bob", "cem")] == [10, 10, 10]


@pytest.mark.parametrize(
    "body",
    [
        "e = 1e-5\n    up = run(W + e)\n    down = run(W - e)\n    return (up - down) / (2 * e)",
        "up, down = run(W + 1e-5), run(W - 1e-5)\n    return (up - down) / 2e-5",
        "return run(W.astype('complex128')).imag",
        "return run(np.array(W, dtype='c16')).imag",
        "return run(W + np.emath.sqrt(-1)).imag",
        "exec('x = 1')\n    return W",
        "return eval('W')",
        "import importlib as i\n    return i.import_module('torch')",
        "return W.__class__.__mro__",
        "import pickle\n    return pickle.loads(W)",
        "return W.__class__",
        "return np.imag(run(W + 1e-20 * (-1) ** 0.5)) / 1e-20",
        "return run(W + 1e-20 * (-1) ** 0.5).imag / 1e-20",
        "return run(W.astype('D'))",
        "return run(np.array(W, dtype='D'))",
        "return run(W.astype(np.longdouble))",
        "return run(np.asarray(W, dtype='float128'))",
        "return run(np.asarray(W, dtype='g'))",
        "from decimal import Decimal\n    return run(Decimal(W))",
        "from fractions import Fraction as F\n    return run(F(W))",
        "import __main__ as here\n    return here.run(W)",
    ],
)
def test_differences_and_hidden_calls_are_read(body):
    cell = f"import numpy as np\ndef run(W):\n    return np.tanh(W)\ndef f(W):\n    {body}"
    assert borrowed.complaint([cell], "f").startswith(borrowed.WANTED)


@pytest.mark.parametrize(
    "body",
    [
        "up, down = np.tanh(W), np.tanh(-W)\n    return (up - down) / 2",
        "order = 'F'\n    return np.asarray(W, order=order)",
        "return np.einsum('ij,jk->ik', np.diag(1 - h ** 2), W)",
        "d = {}\n    d['dWx'] = W\n    return d",
        "return (np.exp(W) - np.exp(-W)) / (np.exp(W) + np.exp(-W))",
        "return (np.sum(W) - np.sum(W * W)) / len(W)",
        "return (run(W) - run(-W)) / (run(W) + run(-W))",
        "D, F, G, c8, c16 = W, W, W, W, W\n    return {'D': D, 'F': F, 'g': G, 'c': c8 + c16}",
        "return type(W).__name__",
    ],
)
def test_ones_own_code_is_left_alone(body):
    cell = f"import numpy as np\ndef run(W):\n    return np.exp(W)\ndef f(W, h):\n    {body}"
    assert borrowed.complaint([cell], "f") is None


REASONS = {  # what is refused, and the reason that is told: no other one
    "exec('x = 1')": "exec runs code that stands in a text",
    "y = eval('W')": "eval runs code that stands in a text",
    "y = globals()['run'](W)": "globals finds functions by names that only a run can tell",
    "y = getattr(np, 'ta' + 'nh')(W)": "getattr takes a name that only a run can tell",
    "way = getattr": "getattr takes a name that only a run can tell",
    "y = getattr(W, '__globals__')": "__globals__ finds functions by names",
    "y = vars(np)['tan' + 'h'](W)": "vars finds functions by names",
    "y = np.__dict__['tan' + 'h'](W)": "__dict__ of a module finds functions by names",
    "y = W.__class__(3)": "Write type(x) for the class of x",
    "y = type(W).__subclasses__()": "A derivation needs none of it",
    "import pickle\n    y = pickle.loads(pickle.dumps(W))": "pickle makes functions out of bytes",
    "import importlib\n    y = importlib.import_module('math')": "importlib finds functions by names",
    "import ctypes\n    y = ctypes.CDLL(None)": "ctypes computes outside of this Python",
    "y = W + 1e-20j": "it computes with complex numbers",
    "y = W.imag": "it computes with complex numbers",
    "y = getattr(np, 'complex128')(W)": "it computes with complex numbers",
    "from fractions import Fraction\n    y = Fraction(1, 2) * W": "it computes with more digits than float64",
    "y = getattr(np, 'longdouble')(W)": "it computes with more digits than float64",
    "y = (run(W + 1e-5) - run(W)) / 1e-5": "it comes from a quotient of differences",
    "from course_utils import gradients\n    y = getattr(gradients, 'backward')(W)": "gradients.backward computes it",
}
READABLE = [
    "y = getattr(np, 'tanh')(W)",
    "y = getattr(W, 'T', W)",
    "a, b = W, W\n    y = {name: value for name, value in locals().items()}",
    "net = Net()\n    net.__dict__.update(W=W)\n    y = net.__dict__['W']",
    "net = Net()\n    y = vars(net)",
    "y = vars()['W']",
    "y = type(W)(3)",
]


@pytest.mark.parametrize("body", REASONS)
def test_what_is_refused_is_refused_for_its_own_reason(body):
    cells = ["import numpy as np\ndef run(W):\n    return np.tanh(W)", f"def f(W):\n    {body}\n    return W"]
    told = borrowed.complaint(cells, "f")
    assert REASONS[body] in told and len(told) <= 300, "more would be cut off"
    assert [reason for reason in set(REASONS.values()) if reason in told] == [REASONS[body]]


@pytest.mark.parametrize("body", READABLE)
def test_what_can_be_read_is_left_alone(body):
    cells = ["import numpy as np\nclass Net:\n    pass", f"def f(W):\n    {body}\n    return W"]
    assert borrowed.complaint(cells, "f") is None


def test_variables_of_the_notebook_are_no_functions_own():
    cells = ["import numpy as np", "here = locals()", "def f(W):\n    return here['f' + 'f'](W)"]
    assert "locals finds functions by names" in borrowed.complaint(cells, "f")


ABSENT = {  # cells, the place where an answer failed, and what is told of the tools that aren't there
    "scipy": (["from scipy.special import expit\ndef f(W):\n    return expit(W)"], "scipy is not there"),
    "scipy beside torch": (
        ["import torch\nimport scipy.special as s\ndef f(W):\n    return s.expit(W)"],
        "scipy is not",
    ),
    "torch": (["import torch as t\nimport scipy\ndef f(W):\n    return t.tanh(W)"], "torch is not there"),
    "package": (
        ["from course_utils.gradients import backward\n\ndef f(W):\n    return backward(W)"],
        "gradients is not",
    ),
    "by another name": (
        ["import torch, scipy\nway = torch\ndef f(W):\n    return way.tanh(W)"],
        "scipy and torch are not",
    ),
    "none": (["\n\ndef f(W):\n    return W"], "torch or what else differentiates is not there"),
}


@pytest.mark.parametrize("name", ABSENT)
def test_a_tool_that_is_not_there_is_named(name):
    cells, words = ABSENT[name]
    text = told.exception("NotHereError", f"line {len(cells[0].splitlines())} of code cell 1", cells)
    assert text.startswith("NotHereError: ") and words in text and "since one can differentiate with it" in text
    assert ("expit(a), 1 / (1 + np.exp(-a))" in text) == name.startswith("scipy")


def test_numbers_that_a_derivation_may_not_hold_are_told_as_where_they_are_read():
    """Of complex numbers not that they were a complex step: np.linalg.eigvals gives some, too."""
    said = sandbox.RUNNER.read_text(encoding="utf-8")
    for name, reason in (("COMPLEX", borrowed.IN_COMPLEX), ("DIGITS", borrowed.IN_DIGITS)):
        words = re.search(rf'^{name} = "(.*)"$', said, re.M)[1]
        assert told.sentence(f"total {words}", "total") == reason
        assert told.sentence(f"leaked {words}", "total") == reason
    assert "np.linalg.eigvals" in borrowed.IN_COMPLEX
    assert told.sentence("your answer ended what follows its numbers.", "total") == told.WATCHED


def test_eigenvalues_are_not_called_a_complex_step(answered, sandbox_kind):
    body = "turn = np.array([[0.0, 1.0], [-1.0, 0.0]])\n    largest = np.linalg.eigvals(turn)\n"
    right, reply = answered(body + "    return np.diag(1 - np.tanh(W @ h) ** 2) @ W")
    assert not right
    words = json.loads(reply.replace("'", '"'))["complaint"]
    assert told.sentence(words, "total") == borrowed.IN_COMPLEX


@pytest.mark.parametrize("name", DERIVED)
def test_a_variable_may_have_any_name(name):
    """Also that of what a cell of the assignment sets, imports or counts with."""
    handed_out = list(assignments.handed_out(load(name.partition("_")[0])).values())
    nodes = [node for cell in handed_out for node in ast.walk(ast.parse(cell))]
    taken = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    taken |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {"part", "tag", "git", "check"} <= taken
    function = QUESTIONS[name].name
    for variable in sorted({*taken, "vars", "locals", "imag", "J", "sizes"} - {function}):
        own = f"def {function}(*net):\n    {variable} = net[0]\n    return [{variable} for {variable} in {variable}]"
        assert borrowed.complaint([*handed_out, own], function) is None, variable
        assert borrowed.complaint([*handed_out, own], function, handed_out) is None, variable


@pytest.mark.parametrize(
    "check",
    [
        "e = 1e-5\ndWh = (loss(W + e) - loss(W - e)) / (2 * e)\nprint(dWh - f(W))",
        "from course_utils.gradients import jacobian_paths as dWh",
        "part = [dWh.imag / 1e-20 for dWh in (loss(W + 1e-20j),)]",
        "def check(W):\n    dWh = loss(W + 1e-20j).imag / 1e-20\n    return dWh - f(W)",
        "found = {}\nfound['dWh'] = (loss(W + 1e-5) - loss(W)) / 1e-5\nfound.update(own=f(W))",
    ],
)
def test_checking_ones_derivation_by_any_means_costs_nothing(check):
    """As the assignments invite to, whatever the check's variables are called."""
    own = "def f(W):\n    dWh, part, found = W, {}, {}\n    part['dWh'] = dWh\n    found.update(part)\n    return found"
    loss = "def loss(W):\n    return (W * W).sum()"
    assert borrowed.complaint([loss, own, check], "f") is None
    assert borrowed.complaint([loss, check, own], "f") is None


def test_a_cache_that_a_check_fills_costs_nothing():
    """What one's own answer keeps, and a check beside it that calls the answer."""
    cells = [
        "cache = {}\ndef f(W):\n    cache[len(W)] = W\n    return cache[len(W)]",
        "def loss(W):\n    return (W * W).sum()",
        "def compare(f, W, e=1e-5):\n    return f(W) - (loss(W + e) - loss(W - e)) / (2 * e)",
        "compare(f, W)\nprint(compare(f, W + 1e-20j))",
    ]
    assert borrowed.complaint(cells, "f") is None


def test_functions_of_libraries_make_no_quotient():
    body = "def f(a):\n    up, down = exp(a), exp(-a)\n    return {} / 2"
    for difference in ("(exp(a) - exp(-a))", "(up - down)", "(abs(a) - abs(1 - a))"):
        cells = ["from numpy import exp", body.format(difference)]
        assert borrowed.complaint(cells, "f") is None
    cells = ["def exp(a):\n    return a", body.format("(exp(a + 1e-5) - exp(a))").replace("/ 2", "/ 1e-5")]
    assert "quotient" in borrowed.complaint(cells, "f"), "one's own function of that name is no library's"


def test_what_was_handed_out_is_not_the_students():
    """As long as it is as it was. What it imports is known all the same."""
    ours = "import importlib\nfrom course_utils.gradients import backward\nscale = importlib.util.cache_from_source"
    uses = "def f(W):\n    return scale(W)"
    assert borrowed.complaint([ours + "  ", uses], "f", [ours]) is None
    assert "importlib finds functions by names" in borrowed.complaint([ours + "\nscale = scale", uses], "f", [ours])
    assert "backward computes it" in borrowed.complaint([ours, "def f(W):\n    return backward(W)"], "f", [ours])


REGISTRY = "kept = []\ndef keep(f):\n    kept.append(f)\n    return f\n"
STEPPING = "def way(f, x):\n    return f(x + 1e-20j).imag / 1e-20"


@pytest.mark.parametrize(
    ("before", "call"),
    [
        ("tools = []\ntools.append(way)", "tools[0]"),
        ("tools = {}\ntools.setdefault('d', way)", "tools['d']"),
        ("tools = {'d': [None]}\ntools['d'][0] = way", "tools['d'][0]"),
        ("class Tools:\n    pass\nTools.d = way", "Tools.d"),
        ("class Tools:\n    way = way", "Tools.way"),
        ("np.tool = way", "np.tool"),
        ("tool = None\ndef set_it():\n    global tool\n    tool = way\nset_it()", "tool"),
        ("tool = (0\n% 1 or\nway)", "tool"),
        ('text = """\n"""; tool = way', "tool"),
        ("@(\nlambda f: way)\ndef tool(f, x): ...", "tool"),
        ("%matplotlib inline\ntool = way", "tool"),
        (f"{REGISTRY}way = keep(way)", "kept[0]"),
        (f"{REGISTRY}@keep\ndef tool(f, x):\n    return way(f, x)", "kept[0]"),
        (f"{REGISTRY}@keep\nclass Tool:\n    def __new__(cls, f, x):\n        return way(f, x)", "kept[0]"),
        (f"{REGISTRY}keep(way)", "kept[0]"),
        (f"{REGISTRY}keep(f=way)", "kept[0]"),
        (f"{REGISTRY}keep(lambda f, x: way(f, x))", "kept[0]"),
        (
            "kept = {}\ndef named(name):\n    def keep(f):\n        kept[name] = f\n    return keep\n"
            "@named('d')\ndef tool(f, x):\n    return way(f, x)",
            "kept['d']",
        ),
    ],
)
def test_what_is_put_into_something_is_followed(before, call):
    cells = ["import numpy as np", STEPPING, before, f"def f(x):\n    return {call}(np.tanh, x)"]
    assert "complex step" in borrowed.complaint(cells, "f")


def test_a_class_of_ones_own_beside_torch_is_left_alone():
    """Torch isn't there when a derivation is computed, so `.backward` and `.grad` can only be the student's own."""
    cells = [
        "import torch\nimport numpy as np",
        "class Node:\n    pass",
        "class Cell(Node):\n    def __init__(self, W):\n        super().__init__()\n        self.grad = W\n"
        "    def backward(self, requires_grad=True):\n        return self.grad",
        "def f(W):\n    return Cell(W).backward(requires_grad=True)",
    ]
    assert borrowed.complaint(cells, "f") is None


def test_numbers_of_more_digits_are_named():
    """Differences of such numbers reach a derivation's tolerance, which those of float64 numbers don't."""
    x, step = np.longdouble(0.3), np.longdouble(1e-6)
    wide = np.finfo(np.longdouble).eps < 1e-18
    slope = 1 - np.tanh(0.3) ** 2
    assert abs((np.tanh(x + step) - np.tanh(x - step)) / (2 * step) - slope) < 1e-11 * slope or not wide
    told = borrowed.complaint(["import numpy as np\ndef f(W):\n    return np.longdouble(W)"], "f")
    assert "more digits than float64" in told


@pytest.mark.parametrize("name", DERIVED)
def test_a_derivation_says_so(name):
    """In the cell that checks it, and once at the head of the assignment."""
    notebook = load(name.partition("_")[0]).notebook
    (test,) = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name]
    assert "own derivation is asked for" in test.source
    head = " ".join(notebook.cells[0].source.split())
    assert "neither torch nor the package's gradients" in head and "differences" in head
    for word in ("getattr", "globals", "exec", "eval", "threads", "Fraction", "np.longdouble", "Decimal", "file"):
        assert word in head.partition("What is read.")[2], word


@pytest.mark.parametrize("name", DERIVED)
def test_differences_do_not_reach_a_derivation(name):
    """Central differences of a right value, at the best step: even with no trace in the code they are not right."""
    question, rng = QUESTIONS[name], np.random.default_rng(0)

    def nearly(*net):
        found = question.right(*net)
        parts = found if isinstance(found, dict) else {"": found}
        moved = {
            part: value + 1e-10 * np.abs(value).max() * rng.choice([-1, 1], np.shape(value))
            for part, value in parts.items()
        }
        return moved if isinstance(found, dict) else moved[""]

    from course_utils.checks.exercise import verdict

    assert "it agrees to about" in verdict(question, nearly)

    def single(*net):
        found = question.right(*net)
        if isinstance(found, dict):
            return {part: np.float32(value) for part, value in found.items()}
        return np.float32(found)

    assert verdict(question, single).startswith("Not yet") and "float64" in verdict(question, single)


FIRST_TRY = "def d(x):\n    return np.tanh(x + 1e-20j).imag / 1e-20"
BETTER = "def d(x):\n    return 1 - np.tanh(x) ** 2"
USE = "def f(x):\n    return d(x)"
REDEFINED = {  # cells, and whether the first try may count
    "a better one below": ([FIRST_TRY, "first = d(0.3)", BETTER, USE], False),
    "below the answer": ([FIRST_TRY, USE, BETTER], False),
    "the answer itself": ([FIRST_TRY.replace("d(x)", "f(x)"), BETTER.replace("d(x)", "f(x)")], False),
    "one that calls itself": ([FIRST_TRY, "def d(x):\n    return 1 - d(x) if x else 0", USE], False),
    "a lambda": ([FIRST_TRY, "d = lambda x: 1 - np.tanh(x) ** 2", USE], False),
    "an import": (["from course_utils.gradients import backward as d\nfirst = d", BETTER, USE], False),
    "a class": ([f"class Net:\n    {FIRST_TRY}".replace("\n    ", "\n        ", 2).replace("\n        def", "\n    def")
                 .replace("d(x)", "d(self, x)"), "class Net:\n    def d(self, x):\n        return 1 - np.tanh(x) ** 2",
                 "def f(x):\n    return Net().d(x)"], False),
    "a better one above": ([BETTER, FIRST_TRY, USE], True),
    "kept": ([FIRST_TRY, "kept = d", BETTER, "def f(x):\n    return kept(x)"], True),
    "kept as what is usual": ([FIRST_TRY, "def f(x, d=d):\n    return d(x)", BETTER], True),
    "kept by a decorator": (
        ["import functools as t", FIRST_TRY, "@t.partial(t.partial, d)\ndef f(x):\n    return x", BETTER], True
    ),
    "kept by a function that ran": (
        [FIRST_TRY, "def keep():\n    global k\n    k = d", "keep()", BETTER, "def f(x):\n    return k(x)"], True
    ),
    "put back": ([FIRST_TRY, "old = d", "def back():\n    global d\n    d = old", BETTER, "back()", USE], True),
    "in a condition": ([FIRST_TRY, f"if 0:\n    {BETTER}".replace("\n    ret", "\n        ret"), USE], True),
    "in a loop": ([FIRST_TRY, f"for _ in ():\n    {BETTER}".replace("\n    ret", "\n        ret"), USE], True),
    "an instance of a former class": (
        ["class Net:\n    def d(self, x):\n        return np.tanh(x + 1e-20j).imag", "net = Net()",
         "class Net:\n    def d(self, x):\n        return 1 - x", "def f(x):\n    return net.d(x)"], True
    ),
    "a former class that was put elsewhere": (
        ["kept = []\nclass Base:\n    def __init_subclass__(cls):\n        kept.append(cls)",
         "class Net(Base):\n    def d(self, x):\n        return np.tanh(x + 1e-20j).imag", "class Net:\n    pass",
         "def f(x):\n    return kept[0]().d(x)"], True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REDEFINED)
def test_the_last_definition_counts_where_it_is_plain(name):
    cells, counts = REDEFINED[name]
    told = borrowed.complaint(["import numpy as np", *cells], "f")
    assert (told is not None) == counts, told


def test_a_definition_in_a_cell_that_failed_replaces_none():
    cells = ["import numpy as np", FIRST_TRY, f"1 / 0\n{BETTER}", USE]
    assert borrowed.complaint(cells, "f") is None
    assert "complex step" in borrowed.complaint(cells, "f", failed={3})


def test_a_definition_that_never_was_made_replaces_none(answered, tmp_path, sandbox_kind):
    """A cell that ends the process is left out, with the derivation that stands in it."""
    key = write_assignment(tmp_path / "key", KEY)
    by_fractions = "def total(W, h):\n    from fractions import Fraction\n"
    by_fractions += "    return np.diag(1 - np.tanh(W @ h) ** 2) @ W * float(Fraction(1))"
    for student, last in (("ann", ""), ("bob", "\nimport os\nos._exit(0)")):
        submit(tmp_path / "submitted", student, [*CELLS, by_fractions, OWN + last])
    run = guarded(grader(tmp_path / "submitted", tmp_path / "out", key))
    assert run.returncode == 0, run.stderr
    rows = marks(tmp_path / "out")
    assert [float(rows[student]["ps0_total"]) for student in ("ann", "bob")] == [5, 0]


STEPPED = "    def numerical(self, f, x, e=1e-6):\n        return (f(x + e) - f(x - e)) / (2 * e)"
BASES = {  # a class's head, and whether what it is made from may call any method
    "(NamedTuple):\n    x: int = 0": False,
    "(ABC)": False,
    "(metaclass=ABCMeta)": False,
    "(dict)": False,
    "(dict[str, float])": False,
    "(SimpleNamespace)": False,
    "(Generic[T])": False,
    "(namedtuple('Net', ''))": False,
    "(torch.nn.Module)": False,
    "(Thread)": True,
    "(ABC, Thread)": True,
    "(metaclass=type)": True,
    "(ast.NodeVisitor)": True,
    "(OTHER)": True,
    "(float)": True,
}


@pytest.mark.parametrize("head", BASES)
def test_a_quiet_class_of_a_library_calls_only_what_it_knows(head):
    imports = "import ast, torch\nfrom abc import ABC, ABCMeta\nfrom threading import Thread\n"
    imports += "from types import SimpleNamespace\nfrom typing import Generic, NamedTuple, TypeVar\n"
    imports += "from collections import namedtuple\nimport numpy as np"
    body = f"class Net{head}{'' if ':' in head else ':'}\n    def slope(self, h):\n        return 1 - h**2\n{STEPPED}"
    cells = [imports, "T = TypeVar('T')\nOTHER = Thread\nfloat = Thread", body, "def f(h):\n    return Net().slope(h)"]
    assert ("quotient" in (borrowed.complaint(cells, "f") or "")) == BASES[head]
    assert "quotient" in borrowed.complaint([*cells, "def g(h):\n    return Net().numerical(np.tanh, h)"], "g")


def test_what_a_class_of_a_library_does_call_is_read():
    body = STEPPED.replace("numerical", "{}")
    use = "def f(h):\n    return Net().start(h)"
    for base, name in (("dict", "get"), ("SimpleNamespace", "get")):
        cells = ["from types import SimpleNamespace", f"class Net({base}):\n{body.format(name)}", use]
        assert ("quotient" in (borrowed.complaint(cells, "f") or "")) == (base == "dict")
    cells = ["import abc\nimport threading\nabc.ABC = threading.Thread", f"class Net(abc.ABC):\n{STEPPED}", use]
    assert "quotient" in borrowed.complaint(cells, "f"), "what was put in a library's place is no library's"


OWN_NAMES = {  # what is called as Python's own, and is the student's
    "def compile(h):\n    return 1 - h**2": "return compile(h)",
    "vars = {'a': 1}": "vars['a'] += 1\n    return h",
    "def imag(h):\n    return h": "return imag(h)",
    "gates = {}": "gates['imag'] = h\n    for name in ('imag', 'real'):\n        h = gates.get(name, h)\n    return h",
    "from operator import attrgetter": "return attrgetter('T')(h)",
}
THEIRS = {  # the same words, and Python's own
    "vars = vars": "return vars(np)['ta' + 'nh'](h)",
    "if 0:\n    def compile(h):\n        pass": "return compile('h', '', 'eval')",
    "x = 1": "return compile('h', '', 'eval')",
    "from operator import attrgetter": "return attrgetter('im' + 'ag')(h)",
    "import operator": "return operator.attrgetter('imag')(h)",
    "from operator import methodcaller as call": "way = call\n    return way('numerical')(h)",
    "gates = {}": "return getattr(h, 'imag')",
}


@pytest.mark.parametrize("cell", OWN_NAMES)
def test_ones_own_names_are_ones_own(cell):
    cells = ["import numpy as np", cell, f"def f(h):\n    {OWN_NAMES[cell]}"]
    assert borrowed.complaint(cells, "f") is None


@pytest.mark.parametrize("cell", THEIRS)
def test_pythons_names_are_pythons(cell):
    cells = ["import numpy as np", cell, f"def f(h):\n    {THEIRS[cell]}", "def compile(h):\n    return h"]
    assert borrowed.complaint(cells, "f") is not None


def test_a_name_that_stands_below_is_not_yet_ones_own():
    cells = ["code = compile('1', '', 'eval')\ndef compile(h):\n    return h", "def f(h):\n    return code"]
    assert "compile runs code" in borrowed.complaint(cells, "f")


TEXT = "TEXT = 'import numpy as np\\ndef own(h):\\n    return 1 - h**2\\n'\n"
IN_NO_CELL = {  # right, and nobody reads it
    "a text": "exec(TEXT)",
    "a library's name": "exec(compile(TEXT, np.__file__, 'exec'))",
    "a frozen name": "exec(compile(TEXT, '<frozen own>', 'exec'))",
    "the importer's name": "exec(compile(TEXT, '<frozen importlib._bootstrap>', 'exec'))",
    "a cell's name": "exec(compile(TEXT, 'cell 1', 'exec'))",
    "the grader's name": "exec(compile(TEXT, '/room/runner.py', 'exec'))",
    "a file": "open('own.py', 'w').write(TEXT)\nimport sys\nsys.path.insert(0, '.')\nfrom own import own",
    "a file by a way around": "open('own.py', 'w').write(TEXT)\nimport sys\n"
    "sys.path.insert(0, '/room/./coursework/work')\nfrom own import own",
    "a file in another folder": "open('/tmp/own.py', 'w').write(TEXT)\nimport sys\nsys.path.insert(0, '/tmp')\n"
    "from own import own",
    "a zip": "import sys, zipfile\nwith zipfile.ZipFile('a.zip', 'w') as file:\n    file.writestr('own.py', TEXT)\n"
    "sys.path.insert(0, 'a.zip')\nfrom own import own",
    "compiled, of a library's name": "import os, py_compile, sys\nopen('own.py', 'w').write(TEXT)\n"
    "py_compile.compile('own.py', 'own.pyc', dfile=np.__file__)\nos.remove('own.py')\nsys.path.insert(0, '.')\n"
    "from own import own",
    "a module": "import types\nmodule = types.ModuleType('own')\nexec(TEXT, module.__dict__)\nown = module.own",
    "a loader": "import importlib.machinery, importlib.util\n"
    "class Loader(importlib.machinery.SourceFileLoader):\n    def get_data(self, _):\n        return TEXT.encode()\n"
    "    def path_stats(self, place):\n        raise OSError\n"
    "spec = importlib.util.spec_from_loader('own', Loader('own', np.__file__))\n"
    "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\nown = module.own",
    "a patched loader": "import importlib.machinery\nloader = importlib.machinery.SourceFileLoader\n"
    "old = loader.get_code\nloader.get_code = lambda _, name: compile(TEXT, np.__file__, 'exec')\nimport this\n"
    "loader.get_code, own = old, this.own",
    "bytes": "import marshal, types\ncode = marshal.loads(marshal.dumps(compile(TEXT, 'x', 'exec').co_consts[2]))\n"
    "own = types.FunctionType(code, globals())",
    "other constants": "def own(h):\n    return 1 - h**3\n"
    "own.__code__ = own.__code__.replace(co_consts=(None, 1, 2), co_filename=np.__file__)",
    "Python's own interface": "import ctypes\nimport __main__\n"
    "ctypes.pythonapi.PyRun_SimpleString(f'import __main__\\n{TEXT}\\n__main__.own = own'.encode())",
}
MADE = {  # by a library: who marks is told
    "timeit": "import timeit\nout = {}\ndef own(h):\n"
    "    timeit.timeit('out[0] = 1 - h**2', number=1, globals={'h': h, 'out': out})\n    return out[0]",
    "an interpreter": "import code\nspace = {}\ncode.InteractiveInterpreter(space).runsource(TEXT, symbol='exec')\n"
    "own = space['own']",
    "a dataclass's inside": "import dataclasses\nown = dataclasses._create_fn('own', ['h'], ['return 1 - h**2'])",
    "a library of C's": "import ctypes, _ctypes, shutil\nshutil.copy(_ctypes.__file__, '/tmp/own.so')\n"
    "ctypes.CDLL('/tmp/own.so')\ndef own(h):\n    return 1 - h**2",
}
HONEST_CODE = {
    "dataclass": "from dataclasses import dataclass, field, replace\n@dataclass(order=True, frozen=True)\nclass Net:\n"
    "    h: np.ndarray\n    k: list = field(default_factory=list)\n    def slope(self):\n        return 1 - self.h**2\n"
    "own = lambda h: replace(Net(h), h=h).slope() if repr(Net(h)) and Net(1) < Net(2) else 0",
    "tuples": "from collections import namedtuple\nfrom typing import NamedTuple\nTwo = namedtuple('Two', 'a b')\n"
    "class Net(NamedTuple):\n    h: np.ndarray\n    def slope(self):\n        return 1 - self.h**2\n"
    "own = lambda h: Net(Two(h, 1)._replace(b=2).a).slope()",
    "imports where they are needed": "def own(h):\n    from collections import namedtuple\n"
    "    import dataclasses, pathlib, statistics, string\n    Two = namedtuple('Two', 'a b')\n"
    "    Net = dataclasses.make_dataclass('Net', ['h'])\n    return 1 - Net(Two(h, 1).a).h ** 2",
    "NumPy's tuples": "def own(h):\n    found, other = np.linalg.svd(np.diag(h)), np.linalg.eigh(np.eye(2))\n"
    "    return 1 - h**2 + 0 * found.S.sum() * other.eigenvalues[0]",
    "the course, figures, contexts": "import contextlib, enum, functools\nimport matplotlib.pyplot as plt\n"
    "from course_utils import figures\nfrom course_utils.cells import sigmoid\n@contextlib.contextmanager\n"
    "def within():\n    yield 1\nclass Kind(enum.Enum):\n    ONE = 1\n@functools.lru_cache\ndef one():\n    return 1\n"
    "@functools.singledispatch\ndef own(h):\n    with within():\n        plt.close('all')\n"
    "    np.testing.assert_allclose(sigmoid(h), 1 / (1 + np.exp(-h)))\n    return one() * Kind.ONE.value - h**2",
    "a loop of events": "import asyncio\nasync def slope(h):\n    await asyncio.sleep(0)\n    return 1 - h**2\n"
    "def own(h):\n    return asyncio.run(slope(h))",
    "vectorised": "def own(h):\n    np.piecewise(h, [h < 0], [lambda v: v])\n    np.block([[h]])\n"
    "    return np.vectorize(lambda a: 1 - a * a)(h)",
}
ANSWER = "return np.diag(own(np.tanh(W @ h))) @ W"


@pytest.mark.parametrize("name", IN_NO_CELL)
def test_code_that_stands_in_no_cell_is_refused(answered, name):
    before = [TEXT + IN_NO_CELL[name]]
    right, reply = answered(ANSWER, derive=False, before=before)
    assert right, f"the way is a live one: {reply}"
    right, reply = answered(ANSWER, before=before)
    words = ast.literal_eval(reply)["complaint"]
    assert not right and told.sentence(words, "total") == borrowed.IN_NO_CELL


@pytest.mark.parametrize("name", MADE)
def test_code_that_a_library_has_made_is_pointed_at(answered, name):
    right, reply = answered(ANSWER, before=[TEXT + MADE[name]])
    assert right and "'unread': True" in reply, reply


@pytest.mark.parametrize("name", HONEST_CODE)
def test_code_of_cells_and_libraries_is_not_pointed_at(answered, name):
    right, reply = answered(ANSWER, before=["import numpy as np\n" + HONEST_CODE[name]])
    assert right and set(ast.literal_eval(reply)) == {"values"}, reply


@pytest.mark.parametrize(
    "patch",
    [
        "import ast\nold = ast.parse\nast.parse = lambda text, *more: old(TEXT if 'wrong' in text else text, *more)",
        "import magics\nold = magics.as_python\nmagics.as_python = lambda text: TEXT if 'wrong' in text else old(text)",
        "import builtins\nold = compile\n"
        "builtins.compile = lambda text, file, *a, **k: old(TEXT if file == 'cell 3' else text, file, *a, **k)",
    ],
)
def test_no_cell_puts_another_text_in_a_later_cells_place(answered, patch):
    right, reply = answered(ANSWER, before=[TEXT + patch, "own = lambda h: 'wrong'"])
    assert not right, reply


REACHED = {  # what leads to a complex step, beside a call by name
    "a statement on a shared line": ("x = 0.3; kept = np.tanh(x + 1e-20j).imag", "return kept"),
    "a pattern": (
        "class Net:\n    @property\n    def d(self):\n        return np.tanh(0.3 + 1e-20j).imag",
        "match Net():\n        case Net(d=found):\n            return found",
    ),
    "a method that a decorator has put elsewhere": (
        "kept = []\ndef keep(f):\n    kept.append(f)\n\nclass Net:\n    @keep\n    def d(self):\n"
        "        return np.tanh(0.3 + 1e-20j).imag",
        "return kept[0](Net())",
    ),
}


@pytest.mark.parametrize("name", REACHED)
def test_what_leads_to_code_is_followed(name):
    cell, body = REACHED[name]
    cells = ["import numpy as np", *cell.split("\n\n"), f"def f(x):\n    {body}"]
    assert "complex step" in borrowed.complaint(cells, "f")
