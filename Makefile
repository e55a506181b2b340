# make lab · make test · make test-coursework · make student OUT=folder · make notebooks · make bench · make clean. Each builds
# .venv once, then does its one thing.
PYTHON ?= python3
BIN := .venv/bin
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 120 --nbval-sanitize-with tests/nbval_sanitize.cfg
export TQDM_DISABLE ?= $(if $(CI),1,)
unexport PYTHONPATH

.PHONY: lab test test-slow test-coursework student notebooks bench bench-widgets format clean

lab: .venv/student ## take the course
	$(BIN)/jupyter lab --config=tools/jupyter_server_config.py notebooks/00_start_here.ipynb

test: .venv/dev ## everything that has to hold: style, package, claims, house, and every notebook output
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow" --ignore=tests/coursework tests
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/pytest $(NBVAL) -n 2 --dist loadfile notebooks

test-slow: .venv/dev ## the stated training outcomes on at least 15 further seeds, in minutes
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/pytest -n 2 -m slow --durations=0 --ignore=tests/coursework tests

test-coursework: .venv/instructor ## the grader, against right, wrong and hostile submissions
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope tests/coursework

student: .venv/instructor ## the student edition, without solutions, keys and the grader: make student OUT=folder
	$(BIN)/python -m coursework.grader.student $(OUT)

notebooks: .venv/dev ## run all lessons on fresh kernels and write their outputs
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/python tools/notebooks.py

bench-widgets: .venv/dev ## how fast the figures move in a real browser; writes docs/benchmark_widgets.md
	OMP_NUM_THREADS=1 $(BIN)/python tools/bench_widgets.py

bench: .venv/dev ## time the package beside torch and write docs/benchmark.md; takes minutes
	$(BIN)/python tools/bench.py --write docs/benchmark.md

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/student: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "This course needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 lab")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev: .venv/student
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e '.[dev]'
	touch $@

.venv/instructor: .venv/dev
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e '.[dev,instructor]'
	touch $@

clean:
	rm -rf .venv
