# GoMail: what one does with it. `make demo` and `make test` need Go and make;
# test installs the rest.

GO    ?= go
export CGO_ENABLED = 0
FUZZTIME ?= 20s

.PHONY: release build demo test check unit e2e cuts cuts-now overload soak torture fuzz bench packages web web-check clean

build: ## bin/gomail
	$(GO) build -trimpath -o bin/gomail ./cmd/gomail

demo: build ## a server with its own little internet
	./bin/gomail demo $(ARGS)

test: packages build web-check unit e2e cuts ## everything, with real peers

unit: ## the tests beside the code; those of the DNS need BIND and PowerDNS (make packages)
	$(GO) vet ./...
	$(GO) test -count=1 -timeout 15m $$($(GO) list ./... | grep -v /e2e)

e2e: build packages ## a browser, Postfix, swaks, dkimpy, OpenDKIM, Dovecot, mbsync, mutt, msmtp, curl and imaplib against the binary
	$(GO) test -count=1 -timeout 20m ./e2e/...

cuts: ## 30 power cuts, each sync left out in turn, and faults; as root, with /dev/fuse
	@if [ "$$(id -u)" = 0 ] && [ -w /dev/fuse ]; then $(MAKE) cuts-now; else echo "No power cuts: they need root and /dev/fuse."; fi

cuts-now:
	$(GO) run ./torture -cuts 30 -totals ""
	$(GO) run ./torture -mutants
	$(GO) run ./torture -faults

overload: ## more clients than the server can take, by kinds; honest ones have to be served
	$(GO) run ./torture -overload

soak: ## a moderate load for HOURS, while the disk fills, the resolver goes, processes are killed and the power is cut; as root
	$(GO) run ./torture -soak -for $(or $(HOURS),24)h

torture: ## power cuts until interrupted, or CUTS of them; adds up in docs/torture.jsonl; as root
	$(GO) run ./torture -cuts $(or $(CUTS),0)

check: packages ## formatting, vet, staticcheck, the race detector
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 20m $$($(GO) list ./... | grep -v /e2e)

fuzz: ## every fuzz target for FUZZTIME
	./internal/fuzzall.sh $(FUZZTIME)

bench: build packages ## deliveries per second beside Postfix and Dovecot; the table of docs/performance.md
	$(GO) run ./bench

web: ## the administrators' app: web/dist from web/admin, with npm and Node 20 or newer
	npm ci --prefix web/admin
	npm run --prefix web/admin build

web-check: packages ## types, lint, format and tests of the app; that web/dist is what its sources make
	npm run --prefix web/admin check
	npm run --prefix web/admin build
	@test -z "$$(git status --porcelain -- web/dist)" || { git status --short -- web/dist; echo "web/dist differs from what its sources make: commit it"; exit 1; }

packages: ## what the tests need from Debian
	@./internal/packages.sh

release: ## static binaries, Debian packages and archives in dist/, the same octets from the same commit
	./packaging/release.sh

clean:
	rm -rf bin dist
