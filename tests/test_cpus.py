"""The tool that runs lessons under other processors' arithmetic: what it sets, what it believes, what it finds."""

from dataclasses import replace
from subprocess import CompletedProcess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import cpus


def lesson(path, *cells):
    """A notebook of (source, what it is said to print)."""
    notebook = new_notebook(cells=[])
    for count, (source, text) in enumerate(cells, 1):
        said = [new_output("stream", name="stdout", text=text)]
        notebook.cells.append(new_code_cell(source, outputs=said, execution_count=count))
    nbformat.write(notebook, path)
    return path


def test_the_cell_that_differs_is_found_and_both_its_lines_are_told(tmp_path, monkeypatch):
    """The kernel computes with what was chosen, and a setting left over from outside doesn't reach it."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    asks = "import os\nprint(os.environ.get('OPENBLAS_CORETYPE'), os.environ['OMP_NUM_THREADS'])"
    path = lesson(tmp_path / "lesson.ipynb", (asks, "None 1\n"), ("print('a')\nprint(6 * 7)", "a\n43\n"))
    (failure,) = cpus.validate(path, cpus.CPUS["own"])
    assert failure.cell == "1"
    assert cpus.differences(failure.said).splitlines() == ["+ 42", "- 43"]


@pytest.mark.parametrize("status", [0, 4])
def test_a_lesson_that_was_not_run_does_not_hold(monkeypatch, status):
    """As where pytest finds no such file, or ends before it has written what it saw."""
    monkeypatch.setattr(cpus, "run", lambda *arguments, **more: CompletedProcess([], status, "no tests ran\n", ""))
    (failure,) = cpus.validate(cpus.ROOT / "notebooks/none.ipynb", cpus.CPUS["own"])
    assert failure == cpus.Failure("none", "no tests ran\n")


def test_each_library_is_told_in_its_own_words():
    assert cpus.settings(cpus.CPUS["avx2"]) == {
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "GLIBC_TUNABLES": "",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    assert cpus.settings(cpus.CPUS["two"])["OPENBLAS_CORETYPE"] == "Prescott"  # which then calls itself Katmai
    assert "-FMA" in cpus.settings(cpus.CPUS["sse"])["GLIBC_TUNABLES"]


@pytest.mark.parametrize("name", cpus.CPUS)
def test_only_what_the_libraries_report_is_believed(name):
    cpu = cpus.CPUS[name]
    found = cpus.Found(cpu.blas, cpu.threads, cpu.numpy, cpu.torch, cpu.mkl, {})
    assert cpus.not_taken(cpu, found) == ""
    other = replace(found, blas="Cray", threads=3)
    wanted = [f"blas wants {cpu.blas}, has Cray"] if cpu.blas else []
    assert cpus.not_taken(cpu, other) == "; ".join([*wanted, f"threads wants {cpu.threads}, has 3"])


def test_this_machine_takes_itself():
    found = cpus.ask(cpus.CPUS["own"])
    assert isinstance(found, cpus.Found)
    assert cpus.not_taken(cpus.CPUS["own"], found) == ""


def test_a_process_that_dies_is_not_taken(monkeypatch):
    """A processor without AVX-512 stops at its first instruction."""
    died = CompletedProcess([], -4, "", "Illegal instruction\n")
    monkeypatch.setattr(cpus, "run", lambda *arguments, **more: died)
    assert cpus.ask(cpus.CPUS["avx512"]) == "a process under it ends with status -4: Illegal instruction"
