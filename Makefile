# Everything runs in a virtual environment of its own, made on first use and kept.
# `make help` lists the commands.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
RUN := $(BIN)/python
WORKERS ?= logical
RUNS ?= 50
PYTEST := $(RUN) -m pytest --numprocesses $(WORKERS) --dist worksteal

# An archive is the same whenever it is built of the same commit.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),315532800)

# The tests start hundreds of interpreters, each of which would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(MAKEFILE_LIST))

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.demo ## the main job: measurements of this machine between eight processes on every loop
	$(RUN) -m examples.demo

test: $(VENV)/.test ## the whole test suite, in a process for each processor; WORKERS=0 is this one alone
	$(PYTEST) $(ARGS)

test-everywhere: $(VENV)/.test ## nothing left out: each case on every loop, and random walks of their whole length
	$(PYTEST) --everywhere $(ARGS)

test-conformance: $(VENV)/.test ## the cases of the interface alone, for systems and Pythons that the whole suite does not fit
	$(PYTEST) tests/conformance $(ARGS)

test-pure: $(VENV)/.test ## the conformance suite once more, without the C extension
	ZMQBRIDGE_NO_SPEEDUPS=1 $(PYTEST) tests/conformance tests/sockets tests/channel tests/waiting tests/test_trial.py $(ARGS)

stable: $(VENV)/.test ## the whole test suite RUNS times in a row, 50 unless said, up to the first that fails
	@set -e; for run in $$(seq $(RUNS)); do echo "== run $$run of $(RUNS)"; $(PYTEST) --quiet $(ARGS); done

soak: $(VENV)/.test ## what takes minutes: ten thousand connections, a million messages, long storms; with their seeds
	$(RUN) -m pytest -v -s tests/soak $(ARGS)

test-all: ## the whole test suite on every Python from 3.11 on that this machine has
	@set -e; for python in $$($(PYTHON) tests/pythons.py); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "== Python $$version: $$python"; \
		$(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version; \
	done

test-lower-bounds: ## the whole test suite with exactly the oldest releases that pyproject.toml allows
	@mkdir -p build
	$(PYTHON) tests/lower_bounds.py > build/lower-bounds.txt
	PIP_CONSTRAINT=$(abspath build/lower-bounds.txt) $(MAKE) --no-print-directory test VENV=.venv-lower-bounds

test-pre-releases: ## the whole test suite with the newest releases of what the package requires, also those before a release
	PIP_PRE=1 $(MAKE) --no-print-directory test VENV=.venv-pre-releases

coverage: $(VENV)/.test ## the suite again, with the lines and branches that it covers
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest -q --numprocesses $(WORKERS) --dist worksteal $(UNCOVERED) $(ARGS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report --fail-under=95
	$(RUN) -m coverage report --fail-under=100 --include='$(PURE)'

# Where its memory runs out it would be the tracer's that does.
UNCOVERED := --ignore tests/native/test_memory.py

PURE := */zmqbridge/framing.py,*/zmqbridge/protocols.py,*/zmqbridge/decoding.py,*/zmqbridge/waiting/*.py,*/zmqbridge/endpoints.py,*/zmqbridge/options.py,*/zmqbridge/errors.py,*/zmqbridge/showing.py,*/zmqbridge/bursts.py,*/zmqbridge/abc.py

mutants: $(VENV)/.test ## take each rule out of the code, one at a time, and see that a test fails; ARGS='2: send' tries some, ARGS=--list
	$(RUN) -m tests.mutants $(ARGS)

explore: $(VENV)/.test ## every interleaving of small worlds, in ten minutes on two processors; ARGS='--world puller' is less
	$(RUN) -m tests.explore $(ARGS)

memcheck: $(VENV)/.test ## the C extension's tests under valgrind, in some minutes: no access to memory that is gone
	PYTHONMALLOC=malloc valgrind --quiet --undef-value-errors=no --num-callers=20 --suppressions=tests/valgrind.supp \
		--error-exitcode=1 $(RUN) -m pytest -q -p no:cacheprovider -o timeout=0 $(BOTH) \
		-k 'not python and not plain and not lean and not tells and not leaks' $(ARGS)

sanitize: $(VENV)/.test ## the C extension built with gcc's sanitizers of addresses and of undefined behaviour, and its tests
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	cp -r pyproject.toml tests zmqbridge zmqbridge_asyncio zmqbridge_trio zmqbridge_twisted $(SANITIZED)
	gcc -shared -fPIC -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
		-std=c11 -Wall -Wextra -Werror -DPy_LIMITED_API=0x030B0000 \
		-I$(shell $(RUN) -c 'import sysconfig; print(sysconfig.get_path("include"))') \
		zmqbridge/_native/*.c -o $(SANITIZED)/zmqbridge/_native/speedups.abi3.so
	cd $(SANITIZED) && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
		$(abspath $(RUN)) -m pytest -q --capture=sys -p no:cacheprovider -o timeout=0 $(BOTH) tests/conformance --harness asyncio $(ARGS)

SANITIZED := build/sanitized

# What runs the C extension and its twins in Python by the same cases.
BOTH := tests/native tests/channel tests/waiting tests/sockets tests/asyncio_face/test_at_once.py

interop: ## real programs of zmq.asyncio, unmodified, with zmqbridge_asyncio in its place; in an environment of their own
	$(MAKE) --no-print-directory VENV=.venv-interop .venv-interop/.interop
	.venv-interop/bin/python -m pytest -v -p no:cacheprovider --confcutdir tests/in_place -o asyncio_mode=auto \
		-W default -o timeout=150 tests/in_place $(ARGS)

fuzz: $(VENV)/.test ## layouts of frames without end, or ARGS='--seconds 60'; led by atheris after 'make .venv/.fuzz'
	$(RUN) -m tests.fuzz $(ARGS)

lint: $(VENV)/.lint ## formatting, lint rules and types; the workflows and the like, by their schemas
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(RUN) -m pyright --pythonpath $(RUN)
	$(RUN) -m tests.typed.complete
	$(RUN) -m tests.typed.pages
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/fault.yml .github/ISSUE_TEMPLATE/wish.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.readthedocs .readthedocs.yaml
	$(SCHEMA) vendor.citation-file-format CITATION.cff

SCHEMA := $(RUN) -m check_jsonschema --quiet --builtin-schema

format: $(VENV)/.lint ## rewrite the code in the project's format
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

docs: $(VENV)/.docs ## the documentation, in docs/_build/html; a warning or a dead link is an error
	rm -rf docs/_build/html/_modules # Sphinx leaves those that it has
	$(RUN) -m sphinx --fail-on-warning --keep-going --builder html docs docs/_build/html
	$(RUN) -m release.links docs/_build/html

check-pages: docs $(VENV)/.pages ## the built pages in a browser, wide and narrow, light and dark: accessibility, scrolling, labels; ARGS='--only speed'
	$(RUN) -m release.pages docs/_build/html $(ARGS)

changelog: $(VENV)/.docs ## what the next release's changelog will be
	@$(RUN) -m towncrier build --draft $(ARGS)

dist: $(VENV)/.release ## the source distribution, and of it the wheel with the extension for this machine and the one without
	rm -rf dist
	umask 022 && SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(RUN) -m release.build dist

release-check: dist ## all that one machine can say of a release: its archives, each installed on every Python here
	umask 022 && SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(RUN) -m release.check dist

release-version: ## whether a tag is that of the version, as in TAG=v0.1.0
	@$(PYTHON) -m release.version '$(TAG)'

wheels: $(VENV)/.release ## the wheels of this system, as a release has them, in wheelhouse; on Linux that takes docker
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(RUN) -m cibuildwheel --output-dir wheelhouse $(ARGS)

windows: $(VENV)/.release ## compile the extension for Windows with mingw, if that is installed; nothing runs it
	$(RUN) -m release.windows

bench: $(VENV)/.bench ## the figures of speed beside its peers, in a quarter of an hour, for the documentation
	$(RUN) -m benchmarks --json docs/benchmarks.json --text docs/benchmarks.txt $(ARGS)

bench-quick: $(VENV)/.bench ## what is judged of them, in two minutes; ARGS='--only receive' is less
	$(RUN) -m benchmarks --quick $(ARGS)

guarantees: $(VENV)/.bench ## what becomes of the awkward cases, here and in other libraries
	$(RUN) -m benchmarks.guarantees $(ARGS)

clean: ## remove the virtual environments and all that was built
	rm -rf .venv .venv-* docs/_build build dist wheelhouse .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# One stamp for each dependency group that is installed; what the extension is made of builds it anew. pip reads groups from 25.1 on.
# What setuptools says of every editable installation is left out; that the extension was not built is not.
$(VENV)/.%: pyproject.toml setup.py $(wildcard zmqbridge/_native/*.[ch]) | $(VENV)/pyvenv.cfg
	PYTHONWARNINGS='ignore:Editable installation' $(RUN) -m pip install --quiet --disable-pip-version-check --editable . --group $*
	@touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
