# Mimamori: two commands are enough. `make demo` shows it, `make test` proves it.
# The longer recipes live in scripts/, in plain sh.

STORY    ?= night
FUZZTIME ?= 10s
GO       ?= go
PROGRAMS := ./cmd/mimamori ./demoshop/cmd/demoshop
STATICCHECK := $(GO) tool -modfile=scripts/tools.mod staticcheck

.DEFAULT_GOAL := build
.PHONY: build help demo test check test-store test-cluster race test-undo test-faults fuzz test-integrations bench images docs tools reproducible sbom vulns rootfs clean

build: ## build bin/mimamori and bin/demoshop (the default)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ $(PROGRAMS)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## start Mimamori, a shop and a mailbox, and play an intrusion live (STORY=night, mall or none)
	bin/mimamori demo --story $(STORY)

test: ## all that CI does: install what the tests need, make check, then the whole suite once
	@scripts/suite.sh test

check: ## the quick half: gofmt, vet, staticcheck, import heights, catalogues, stale documents
	@ugly=$$(gofmt -l .); test -z "$$ugly" || { printf 'gofmt -w would change:\n%s\n' "$$ugly" >&2; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) test -short -run 'Imports|Domain|Alone|Programs|Tree|Document|Catalogue|Words' . ./api ./app ./quickstart ./web/...

test-store: ## judge any PostgreSQL or Citus: conformance suite and stories at DATABASE=postgres://user@host:5432/db
	@test -n "$(DATABASE)" || { echo 'name one: make test-store DATABASE=postgres://user@host:5432/db' >&2; exit 2; }
	MIMAMORI_TEST_DATABASE='$(DATABASE)' $(GO) test -count=1 -timeout 60m -run 'Postgres' -v ./store
	MIMAMORI_TEST_DATABASE='$(DATABASE)' $(GO) test -count=1 -timeout 60m -v ./flowtest

test-cluster: ## break a Citus cluster under load: DATABASE=its coordinator, KILL= and REVIVE= shell commands for one worker, GROW= one that adds another (may be left out)
	@test -n "$(DATABASE)" || { echo "name one: make test-cluster DATABASE=postgres://user@coordinator:5432/db KILL='ssh w1 kill -9 …' REVIVE='ssh w1 pg_ctl start …'" >&2; exit 2; }
	MIMAMORI_CLUSTER='$(DATABASE)' MIMAMORI_CLUSTER_KILL="$$KILL" MIMAMORI_CLUSTER_REVIVE="$$REVIVE" MIMAMORI_CLUSTER_GROW="$$GROW" $(GO) test -count=1 -timeout 60m -run Cluster -v ./faulttest

race: ## the whole suite with the race detector (slow: the store and the browser too)
	@scripts/suite.sh race

test-undo: ## undo a million random histories, not ten thousand (about half an hour)
	MIMAMORI_PROPERTY_CASES=1000000 $(GO) test -count=1 -timeout 6h -run 'B1|G07|PlanOf|HerOwn' -v ./undo

test-faults: ## play ten thousand takeovers while things break, and write the table into docs/faults.md
	MIMAMORI_FAULTS=10000 MIMAMORI_LONG=1 $(GO) test -count=1 -timeout 4h -run 'Faults|Fault|Overload' -v ./faulttest | grep -v '^=== \|^ *--- PASS'

fuzz: ## feed every parser of outside bytes for FUZZTIME (10s) each
	@scripts/fuzz.sh $(FUZZTIME)

test-integrations: ## hold us against other people's software from npm (ONLY=mailauth for one); installs outside the tree
	@scripts/integrations.sh

bench: ## measure what has a benchmark
	$(GO) test -run '^$$' -bench . -benchmem ./...

images: ## take the screenshots that README shows again, into docs/images
	WALK_IMAGES=$(CURDIR)/docs/images $(GO) test -count=1 -timeout 20m ./walktest

docs: ## write the generated documents again (make check says when they are stale)
	UPDATE_DOCUMENTS=1 $(GO) test -count=1 -run Document .
	$(GO) test -count=1 -run TestDocumentPage ./api -update
	UPDATE_DOCUMENTS=1 $(GO) test -count=1 -run Document ./app ./quickstart ./cmd/mimamori
	$(GO) test -count=1 -run E10 ./web/console -update

reproducible: ## build twice, in two folders and from cold, and compare byte for byte (minutes)
	@scripts/reproducible.sh

sbom: build ## write what the program is made of to bin/mimamori.cdx.json (CycloneDX)
	bin/mimamori version --sbom >bin/mimamori.cdx.json

vulns: ## ask the Go vulnerability database about what we use (needs the network)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

rootfs: build ## put together what deploy/Containerfile does, without Docker, and try it in a chroot (as root)
	@scripts/rootfs.sh

tools: ## install what the tests need and the machine lacks
	@scripts/tools.sh

clean: ## remove what was built and what make tools put beside the code
	rm -rf bin node_modules .cache
