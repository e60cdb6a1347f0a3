# make lab | make test | make bench | make check. Each installs what it misses; `make setup` does only that.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help lab build test check bench fuzz setup setup-build setup-test setup-check clean

CARGO ?= cargo
LAB_STATE ?= .lab
TARGET := $(or $(CARGO_TARGET_DIR),target)
LAB_ARGS ?=
TEST_ARGS ?=
FUZZ_SECONDS ?= 60

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make lab      build, start directory, adfs, wap and the played cloud, and wait for a browser (LAB_ARGS="--base-port N")
lab: build
	@exec "$(TARGET)/debug/lab" up --state "$(LAB_STATE)" $(LAB_ARGS)

build: setup-build
	$(CARGO) build --locked --workspace --bins

## make test     unit, property and end-to-end tests on real processes and a real browser (TEST_ARGS="FILTER")
test: setup-build setup-test
	$(CARGO) build --locked --workspace --bins
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(CARGO) nextest run --locked --workspace $(TEST_ARGS)
	$(CARGO) test --locked --workspace --doc --quiet

## make check    formatting, lints without a warning, documentation, licences and sources of dependencies
check: setup-build setup-check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet
	packaging/check-dependencies

## make bench    CPU time of the server per request as a ratio to one RSA-2048 signature of the same run; claim rules
bench: setup-build setup-test
	$(CARGO) build --locked --release --workspace --bins
	"$(TARGET)/release/bench"
	$(CARGO) bench --locked -p claim-rules

## make fuzz     every fuzz target for FUZZ_SECONDS each (needs cargo-fuzz and a nightly toolchain)
fuzz:
	packaging/fuzz $(FUZZ_SECONDS)

## make setup    install what the other targets need, nothing else
setup: setup-build setup-test setup-check

setup-build:
	@packaging/setup build

setup-test: setup-build
	@packaging/setup test

setup-check:
	@packaging/setup check

clean:
	$(CARGO) clean
	rm -rf .lab .venv tests/axe/node_modules
