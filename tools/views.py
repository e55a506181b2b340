"""What a widget needs to move in a page that has no kernel, packed as the notebooks store it.

A stored lesson can't hold a widget's view, which is dead without its kernel, nor its script, which would then stand in
every output. It holds the widget's numbers, under the MIME type VIEW, which viewers pass over: the book (`tools.book`)
puts them together with the scripts in `course_utils`.

Packed: zlib of one line of JSON, {"kind", "state", "bytes"}, and behind it the bytes, in base64. "bytes" lists for each
block its path in the state and its length. Blocks of float32 are rounded to 15 bits behind the leading one (1.5e-5 of
the number) and stored byte by byte, all first bytes first: half as long as without.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np

VIEW = "application/vnd.gradients-through-time.view"
KINDS = {  # a widget's class: its script and its style in course_utils
    "course_utils.widgets.Explorer": ("explorer", "explorer"),
    "course_utils.predictions.Guess": ("predict", "predict"),
    "course_utils.cell_view.CellView": ("cell_view", "explorer"),
}
FLOATS = "numbers"  # the last name in the path of a block of float32
DROPPED = 8  # bits of a float32 that nobody sees


def pack(state: dict[str, Any], buffers: list[dict[str, Any]]) -> str | None:
    """One widget as a stored notebook holds it.

    state    its traits, as `metadata.widgets` has them.
    buffers  [{"path": [names], "data": base64}], the bytes that belong into it.

    Returns None for a widget that isn't one of KINDS.
    """
    kind = state.get("_anywidget_id")
    if kind not in KINDS:
        return None
    kept = {name: value for name, value in state.items() if not name.startswith("_") and name != "layout"}
    kept.pop("tabbable", None)
    kept.pop("tooltip", None)
    blocks = [(block["path"], base64.b64decode(block["data"])) for block in buffers]
    packed = [_planes(block) if path[-1] == FLOATS else block for path, block in blocks]
    lengths = [[path, len(block)] for path, block in blocks]
    head = json.dumps({"kind": kind, "state": kept, "bytes": lengths}, ensure_ascii=False, sort_keys=True)
    return base64.b64encode(zlib.compress(b"".join([head.encode(), b"\n", *packed]), 9)).decode()


def unpack(packed: str) -> tuple[str, dict[str, Any]]:
    """(kind, state with its bytes) of what `pack` returned. Raises ValueError if it can't be read."""
    try:
        head, rest = zlib.decompress(base64.b64decode(packed)).split(b"\n", 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"packed: got {packed[:20]!r}..., wants what `pack` returned ({error})") from None
    content = json.loads(head)
    for path, length in content["bytes"]:
        block, rest = rest[:length], rest[length:]
        place = content["state"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = np.frombuffer(block, "u1").reshape(4, -1).T.tobytes() if path[-1] == FLOATS else block
    return content["kind"], content["state"]


def _planes(block: bytes) -> bytes:
    """float32, little-endian, rounded and sorted by the place of each byte."""
    bits = np.frombuffer(block, "<u4")
    infinite = (bits & 0x7F800000) == 0x7F800000  # NaN stays as it is
    up, down = (
        part >> np.uint32(DROPPED) << np.uint32(DROPPED) for part in (bits + np.uint32(1 << (DROPPED - 1)), bits)
    )
    rounded = np.where((up & 0x7F800000) == 0x7F800000, down, up)  # the largest numbers would become infinite
    return np.where(infinite, bits, rounded).astype("<u4").view("u1").reshape(-1, 4).T.tobytes()
