# `make` alone lists the targets. Only `make run` and `make build` are for everybody; they
# need Go and nothing else. The others install what they lack where they may.

GO            ?= go
GOLANGCI      := $(CURDIR)/.tools/bin/golangci-lint
GOLANGCI_WANT := 2.15.0

# Packages whose tests need no database and no Redis.
UNIT := $(foreach dir,loan ach auth vault clock config graph graphqlhttp help mail operations paper redact telemetry wording,$(if $(wildcard $(dir)/*.go),./$(dir)/...))

# What tests use of npm: the audit suite for GraphQL over HTTP, and the example clients.
NPM := $(addsuffix /node_modules/.package-lock.json,conformance examples/typescript examples/webhooks/typescript)

# check's parts must keep their order, whatever -j says.
.NOTPARALLEL:
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and serve with nothing configured: embedded SQLite and in-process Redis
	bin/mobilepay serve

.PHONY: build
build: ## build bin/mobilepay
	$(GO) build -o bin/mobilepay .

.PHONY: generate
generate: ## write the generated code anew from graph/schema and gqlgen.yml
	$(GO) generate ./...

.PHONY: check-generated
check-generated: ## fail when the generated code is not current
	scripts/check-generated

.PHONY: playground
playground: ## build the playground's page anew from playground/app; needs npm
	cd playground/app && npm ci --ignore-scripts && npm run build

.PHONY: lint
lint: tools ## run golangci-lint; .golangci.yml holds the import rules
	$(GOLANGCI) run

.PHONY: tools
tools: ## install the linter into .tools/bin unless the wanted version is there
	@$(GOLANGCI) version 2>/dev/null | grep -qF 'version $(GOLANGCI_WANT) ' || { \
		echo "installing golangci-lint v$(GOLANGCI_WANT); this takes a minute or two"; \
		GOBIN=$(CURDIR)/.tools/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_WANT); \
	}

# SQLite and what it runs on are C in Go's clothes, and keep their memory where the race
# detector does not look: watching them finds nothing, and takes most of the tests' time.
RACE := -race '-gcflags=modernc.org/...=-race=false'

.PHONY: test
test: export CGO_ENABLED := 1
test: cc chromium poppler modules promtool $(NPM) ## run all tests with the race detector, on a Postgres and a Redis of their own
	scripts/with-services $(GO) test $(RACE) -timeout 45m ./...

.PHONY: test-unit
test-unit: ## run the tests that need no service, quickly
	$(GO) test $(UNIT)

.PHONY: bench
bench: ## measure against a Postgres that writes durably
	SERVICES_DURABLE=1 scripts/with-services $(GO) run ./bench
	scripts/with-services $(GO) test -run '^$$' -bench . -benchmem ./graphqlhttp ./session ./web

.PHONY: check
check: check-generated lint test ## all that a change has to pass

# The race detector is linked by the C compiler.
.PHONY: cc
cc:
	@command -v $$($(GO) env CC) >/dev/null || scripts/apt-install build-essential

# For the playground's tests, which are skipped where it cannot be had.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || scripts/apt-install chromium || true

# They read statements back; those tests are skipped where they cannot be had.
.PHONY: poppler
poppler:
	@command -v pdftotext >/dev/null || scripts/apt-install poppler-utils || true
	@command -v qpdf >/dev/null || scripts/apt-install qpdf || true

# Checks the alerts; where it cannot be had, its test is skipped.
.PHONY: promtool
promtool:
	@command -v promtool >/dev/null || test -x .tools/bin/promtool || scripts/get-promtool || true

$(NPM): %/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || scripts/apt-install nodejs npm
	npm ci --ignore-scripts --prefix $*
	@touch $@

# The Go example is a module of its own.
.PHONY: modules
modules:
	@cd examples/go && $(GO) mod download

.PHONY: clean
clean: ## remove what was built here; the data directory and .tools stay
	rm -rf bin
	rm -f *.test *.prof *.out
