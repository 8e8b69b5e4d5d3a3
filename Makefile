# Two commands do everything: `make demo` and `make test`. Both set up what they need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PAGE   := handlers/page
CLIENT := infra/clients/typescript/dist/index.js
NPM    := $(BIN)/python -m infra.cli.npm

.PHONY: demo run test check format conformance bench setup clients page system clean

demo: setup page        ## a real meeting: held, recorded, transcribed (ONCE=1: print and exit)
	@$(BIN)/parley demo $(if $(ONCE),--once)

run: setup page         ## the stack on this machine, state kept in .parley
	@$(BIN)/parley run

test: setup clients page system ## every test
	$(BIN)/python -m pytest $(ARGS)

check: setup            ## format, lint, types, import contracts
	@$(BIN)/python -m infra.clients --python
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

conformance: setup      ## every example of the three references (BASE=http://… [OPERATOR_KEY=…])
	@$(BIN)/python -m tests.conformance $(or $(BASE),http://127.0.0.1:8080) \
	  $(if $(OPERATOR_KEY),--operator-key $(OPERATOR_KEY)) $(ARGS)

bench: setup system     ## figures beside peers and limits, as ratios with medians
	@infra/deploy/test_tools janus gcc wrk
	$(BIN)/python -m tests.bench $(ARGS)

fuzz-api: setup         ## 200 made-up requests an operation of every dialect
	PARLEY_FUZZ_EXAMPLES=200 $(BIN)/python -m pytest tests/fuzz $(ARGS)

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Parley needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@echo "Setting up the environment in $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

clients: $(VENV)/.ready ## what client packages need that is made of the APIs' documents
	@$(BIN)/python -m infra.clients

# Made by `clients`, which leaves it alone where it would come out the same.
$(CLIENT): clients
	@:

page: $(PAGE)/dist/index.html

$(PAGE)/dist/index.html: $(VENV)/.ready $(CLIENT) $(shell find $(PAGE)/app -type f -not -path '*/node_modules/*' 2>/dev/null)
	@echo "Building the page ..."
	@$(NPM) --prefix $(PAGE)/app ci --no-audit --no-fund --loglevel=error
	@$(NPM) --prefix $(PAGE)/app run --silent build
	@touch $@

system: setup           # what only tests need from the machine: a browser, Postgres
	@infra/deploy/test_tools

lock: $(VENV)/.ready    ## resolve again: names, versions and hashes, no addresses
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements.lock

clean:
	rm -rf $(VENV) $(PAGE)/dist $(PAGE)/app/node_modules .parley
	cd infra/clients && rm -rf typescript/dist typescript/documents typescript/node_modules typescript/src/generated python/parley_client/generated
