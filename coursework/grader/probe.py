"""Is there a sandbox on this machine, and does it hold? Asked before the first submission of every run."""

import json
import socket
from collections.abc import Iterable
from pathlib import Path

from coursework import plain
from coursework.grader import sandbox

PROBE = '''
def probe(files, port):
    """Try to get out. Returns what worked."""
    import os, socket

    got_out = []
    for name in files:
        if os.path.exists(name):
            got_out.append("sees " + name)
    for place in ("/", "/usr", "/room", "/dev", "/etc"):
        try:
            open(os.path.join(place, "written"), "w").close()
            got_out.append("writes to " + place)
        except OSError:
            pass
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        got_out.append("reaches the network")
    except OSError:
        pass
    try:
        with open("large", "wb") as file:
            for _ in range(200):
                file.write(bytes(2**20))
        got_out.append("fills the disk")
    except OSError:
        pass
    children = []
    try:
        for _ in range(100):
            child = os.fork()
            if child == 0:
                import time

                time.sleep(20)
                os._exit(0)
            children.append(child)
        got_out.append("starts as many processes as it likes")
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    try:
        bytearray(8 * 2**30)
        got_out.append("takes all memory")
    except MemoryError:
        pass
    return "; ".join(got_out)
'''


def choose_sandbox(wanted: str | None = None, hidden: Iterable[Path | str] = ()) -> str:
    """The kind of sandbox to use: one that was tried and holds. Raises SandboxError if there is none.

    hidden  files and folders that must not be seen inside
    """
    reasons = []
    for kind in [wanted] if wanted else sandbox.kinds():
        try:
            return prove(kind, hidden)
        except (sandbox.MachineError, OSError) as error:
            reasons.append(f"{kind}: {error}")
    raise sandbox.SandboxError(
        "There is no sandbox here, and submissions are other people's programs: nothing was graded. Install bubblewrap "
        "(Linux) or Docker, see coursework/README.md. --unsafe-no-sandbox runs them with all your rights.\n"
        + "\n".join(reasons)
    )


def prove(kind: str, hidden: Iterable[Path | str] = ()) -> str:
    """Let a probe try to get out of a sandbox. Returns the kind if nothing worked, else raises SandboxError."""
    files = [str(Path(path).resolve()) for path in [*hidden, sandbox.HERE]]
    limits = sandbox.Limits(seconds=30, answer_seconds=20, memory=2**30)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        calls = [plain.encode((files, listener.getsockname()[1]))]
        job = {"cells": [PROBE], "questions": [{"name": "probe", "answer": "probe", "calls": calls}], "seed": 0}
        text, reason = sandbox.execute(job, kind, limits, waits=(1, 0))
    try:
        answer = json.loads(text or "")["answers"]["probe"]
        got_out = plain.decode(answer["values"][0])
    except (TypeError, ValueError, LookupError):
        raise sandbox.SandboxError(f"the probe did not come back: {reason or str(text)[:500]}") from None
    if got_out:
        raise sandbox.SandboxError(f"it does not hold: the probe {got_out}")
    return kind
