# make help lists all; make lab, make test, make notebooks are daily bread. Each builds .venv once, then does its one thing.
PYTHON ?= python3
BIN := .venv/bin
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 120 --nbval-sanitize-with tests/nbval_sanitize.cfg \
	-p tests.nbval_stored
TORCH ?= $(shell cat .venv/torch 2> /dev/null) # as the last time, so that make update takes the same build
export TQDM_DISABLE ?= $(if $(CI),1,)
unexport PYTHONPATH

.PHONY: help lab update fork matrix test test-slow test-cpus test-coursework test-browser test-hub site student slides exam lesson notebooks heads \
	hub hub-load constraints bench bench-widgets bench-book format clean

help: ## all targets, a line each
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 17

lab: .venv/student ## take the course, in copies of your own in my_lessons/; make lab OPTIONS="--no-browser --port=9000" TORCH=cpu
	$(BIN)/python -m tools.lab $(OPTIONS)

update: .venv/student ## get the newest course; what you have worked in stays as it is, new versions come beside it; FORCE=1
	$(BIN)/python -m tools.update $(if $(FORCE),--force,)
	$(MAKE) .venv/student

test: .venv/dev ## everything that has to hold: style, types, package, claims, house, and every notebook output
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -m "not slow" --doctest-modules --ignore=tests/coursework --ignore=tests/hub \
		--ignore=tests/browser tests course_utils
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/python -m pytest $(NBVAL) -n 2 --dist loadfile notebooks

test-slow: .venv/dev ## the stated training outcomes on at least 15 further seeds, in minutes
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/pytest -n 2 --dist loadgroup -m slow --durations=0 --ignore=tests/coursework --ignore=tests/hub tests

test-cpus: .venv/dev ## every output with the arithmetic of other processors, in minutes a lesson: all, or LESSONS=... CPUS="avx2 sse"
	$(BIN)/python -m tools.cpus $(LESSONS) $(if $(CPUS),--cpus $(CPUS),)

test-coursework: .venv/instructor ## the grader, against right, wrong and hostile submissions
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope tests/coursework

site: .venv/site ## the course as a book in site/, from the stored outputs, in seconds; needs node and npm: make site OUT=folder
	$(BIN)/python -m tools.book $(if $(OUT),--out $(OUT),)

test-browser: .venv/dev .venv/site ## in a real browser: explorers and guesses in JupyterLab, the book with all other hosts blocked, axe-core
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -m "not slow" tests/browser

hub: .venv/hub ## a trial JupyterHub with the student edition on this computer, until Ctrl-C; needs node and npm; docs/hub.md
	$(BIN)/python -m tools.hub $(OPTIONS)

hub-load: .venv/hub ## a class at once on a trial hub: waiting and memory, into docs/hub.md: make hub-load STUDENTS="1 20" LESSONS="01 05"
	$(BIN)/python -m tools.hub_load $(if $(STUDENTS),--students $(STUDENTS),) $(if $(LESSONS),--lessons $(LESSONS),)

test-hub: .venv/hub ## the hub's settings, three students at once, and an assignment that goes out and comes back
	$(BIN)/pytest tests/hub

student: .venv/instructor ## the student edition, without solutions, keys and the grader: make student OUT=folder
	$(BIN)/python -m coursework.grader.student $(OUT)

slides: .venv/student ## slides of all lessons, in slides/, from their own figures and questions; no network
	$(BIN)/python -m tools.slides $(LESSONS)

exam: .venv/student ## a paper of the exam bank and its key: make exam; LESSONS="01 02" from these; SEED=... the same again; MOODLE=1
	$(BIN)/python -m tools.exam $(if $(LESSONS),--lessons $(LESSONS),) $(if $(SEED),--seed $(SEED),) $(if $(MOODLE),--moodle,)

lesson: .venv/dev ## start a lesson from the template: make lesson NAME=15_example
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/python -m tools.new_lesson $(NAME)

notebooks: heads ## run lessons on fresh kernels, write their outputs and print their pace: all, or LESSONS="notebooks/15_example.ipynb ..."
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/python -m tools.notebooks $(LESSONS)
	$(BIN)/python -m tools.heads # minutes count figures, too
	$(BIN)/python -m tools.pace $(LESSONS)

heads: .venv/dev ## copy what is written once: maps of the lessons, all first cells, CITATION.cff; runs no lesson
	$(BIN)/python -m tools.heads

fork: .venv/dev ## point everything at your own repository on GitHub: make fork REPO=owner/name
	$(BIN)/python -m tools.heads $(or $(REPO),$(error Say where: make fork REPO=owner/name))

matrix: .venv/dev ## where the course runs: systems, Pythons, versions; writes docs/platforms.md; takes an hour, all of it downloads and lessons
	$(BIN)/python -m tools.matrix $(if $(SETS),run $(SETS),)

constraints: .venv/dev ## write constraints.txt anew, after a change of pins; torch's GPU libraries stay free
	grep -v "^-c" requirements.txt | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header \
		--no-annotate --upgrade --extra dev --extra site --extra instructor --extra hub - pyproject.toml -o .venv/constraints.txt
	(echo "# The version of all that the course installs, on any system; nothing is installed for standing here." && \
		echo "# Written by \`make constraints\`." && \
		grep -vE "^(-e|nvidia-|cuda-|triton)" .venv/constraints.txt) > constraints.txt

bench-widgets: .venv/dev ## how fast the figures move in a real browser; writes docs/benchmark_widgets.md
	OMP_NUM_THREADS=1 $(BIN)/python tools/bench_widgets.py

bench-book: .venv/dev .venv/site ## how fast the pages of the book come, on a desk and on a phone; writes docs/benchmark_book.md
	OMP_NUM_THREADS=1 $(BIN)/python tools/bench_book.py

bench: .venv/dev ## time the package beside torch and write docs/benchmark.md; takes minutes
	$(BIN)/python tools/bench.py --write docs/benchmark.md

format: .venv/dev ## format everything, cells of notebooks too
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/student: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "This course needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 lab")'
	$(PYTHON) -m venv .venv
	$(if $(filter cpu,$(TORCH)),$(BIN)/pip install --disable-pip-version-check uv && $(BIN)/uv pip install \
		--python $(BIN)/python --torch-backend=cpu,$(BIN)/pip install --disable-pip-version-check) -r requirements.txt
	@echo $(TORCH) > .venv/torch
	touch $@

.venv/dev: .venv/student
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e '.[dev]'
	touch $@

.venv/instructor: .venv/dev
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e '.[dev,instructor]'
	touch $@

.venv/hub: .venv/instructor
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e '.[dev,instructor,hub]'
	touch $@

.venv/site: pyproject.toml constraints.txt # by itself where nothing else is wanted: it needs neither torch nor JupyterLab
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e '.[site]'
	touch $@

clean: ## remove what was built here: .venv and site; what you have worked in stays
	rm -rf .venv site
