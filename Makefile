PYTHON ?= python3
BIN := .venv/bin
# Trust what the machine trusts, as pip does; uv's own list stands in without one.
CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/cert.pem),--system-certs)

.PHONY: install conformance demo test proof mutate lint bench bench-big drill clean

install: .venv/installed

.venv/installed: requirements-dev.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install $(CERTS) --quiet --require-hashes --python $(BIN)/python -r requirements-dev.lock
	touch $@

test: install
	$(BIN)/python -m pytest -q -n 2

# The protocol's own referees: its suite and the Inspector, with a Node of their own, and
# the client of last year, which can't share a folder with this year's.
REFEREES := tests/conformance
referees: $(REFEREES)/node_modules/.installed $(REFEREES)/older/.installed

$(REFEREES)/node_modules/.installed: $(REFEREES)/package-lock.json
	npm ci --prefix $(REFEREES) --ignore-scripts --no-audit --no-fund --silent
	touch $@

$(REFEREES)/older/.installed: $(REFEREES)/older.lock .venv/installed
	test -x $(REFEREES)/older/bin/python || $(BIN)/python -m venv $(REFEREES)/older
	$(BIN)/uv pip install $(CERTS) --quiet --require-hashes --python $(REFEREES)/older/bin/python -r $<
	touch $@

conformance: install referees
	ASKPRO_VAR=$${TMPDIR:-/tmp}/askpro-conformance-$$$$ sh -c '$(BIN)/python -m pytest -q -m proof $(REFEREES); status=$$?; rm -rf "$$ASKPRO_VAR"; exit $$status'

# The servers that these tests stop and kill are their own.
proof: install lint referees
	ASKPRO_VAR=$${TMPDIR:-/tmp}/askpro-proof-$$$$ sh -c '$(BIN)/python -m pytest -q -m proof; status=$$?; rm -rf "$$ASKPRO_VAR"; exit $$status'

# Takes one part of the wall away at a time; docs/security.md says what noticed it.
mutate: install
	ASKPRO_MUTATE_WRITES=1 ASKPRO_VAR=$${TMPDIR:-/tmp}/askpro-mutate-$$$$ sh -c '$(BIN)/python -m pytest -q -n 2 -m mutate tests/mutate; status=$$?; $(BIN)/python -m tests.mutate.report; rm -rf "$$ASKPRO_VAR"; exit $$status'

demo: install
	$(BIN)/python manage.py demo $(ARGS)

bench: install
	ASKPRO_VAR=$${TMPDIR:-/tmp}/askpro-bench-$$$$ sh -c '$(BIN)/python manage.py bench $(ARGS); status=$$?; rm -rf "$$ASKPRO_VAR"; exit $$status'

# Ten million stored deliveries: some twenty gigabytes and a quarter of an hour.
bench-big:
	$(MAKE) bench ARGS="--part growth --rounds 3 $(ARGS)"

# Restores a dump of this database beside it, compares, and drops it again.
drill: install
	$(BIN)/python manage.py backup_drill $(ARGS)

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/python .ci/audit

clean:
	rm -rf $(REFEREES)/node_modules $(REFEREES)/older .venv var .pytest_cache .mypy_cache .ruff_cache
