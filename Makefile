# Tidegate: everything a developer runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CLUSTER ?= local
export CLUSTER
export PYTHONPATH := hack:bench:tests
PYTHON := .venv/bin/python
RUN := $(PYTHON) -m

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.venv/.synced: pyproject.toml uv.lock hack/bootstrap.sh
	@hack/bootstrap.sh

.PHONY: setup
setup: .venv/.synced ## Make .venv from the lockfile (uv comes from PyPI when absent)

.PHONY: demo
demo: setup ## From nothing to an answer: cluster, images, chart, model, one question (CLUSTER=local|kind|current)
	@$(RUN) demo up

.PHONY: demo-down
demo-down: setup ## Undo `make demo`; nothing stays but the cache
	@$(RUN) demo down

.PHONY: reload
reload: setup ## Bring changed code of ours into the running demo (the gateway as it is; COMPILE=1 compiles it)
	@COMPILE=$${COMPILE:-0} $(RUN) demo reload

.PHONY: engines
engines: setup ## Bring a second engine (llama.cpp) and its model into the running demo, for examples/13-other-engines
	@$(RUN) demo engines

.PHONY: check
check: setup ## Lint, types, import contracts, unit tests: before every commit
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(RUN) pytest -q -n auto --dist loadfile -m "not slow" tests/unit

.PHONY: test
test: setup ## Everything: check, generated files, chart, real API server, real cluster with a real model
	@$(RUN) suite

.PHONY: integration
integration: setup ## The chart as Helm renders it, and all parts before a real API server; no node, no cluster
	@$(RUN) suite integration

.PHONY: thorough
thorough: setup ## New examples of all properties; what `make test` tries on one engine, on some more real vLLMs
	@$(RUN) pytest -q --hypothesis-profile search tests/unit
	@$(RUN) pytest -q -m thorough tests/integration

.PHONY: fuzz
fuzz: setup ## Inputs at random against all that reads what comes from outside: SECONDS_EACH (60), TARGETS ("a body" ...)
	@$(RUN) fuzz --seconds $(or $(SECONDS_EACH),60) $(TARGETS)

.PHONY: keda
keda: setup ## External mode on the real KEDA and HPA controller, in the demo's cluster (builds KEDA once: 6 minutes)
	@$(RUN) suite keda

.PHONY: observability
observability: setup ## Traces in a real Jaeger and the dashboards, in the demo's cluster (builds Jaeger once: 10 minutes)
	@$(RUN) suite observability

.PHONY: compiled
compiled: setup ## Compile the gateway's hot modules into .compiled/O2: put that first on PYTHONPATH to run them
	@$(PYTHON) gateway/compile.py . .compiled/O2

.PHONY: generate
generate: setup ## Write CRDs, the chart's copies and schema, and the reference pages from their sources
	@$(PYTHON) hack/generate.py

.PHONY: verify
verify: setup ## Fail if a generated file is not what its source says
	@$(PYTHON) hack/generate.py --check

.PHONY: golden
golden: setup ## Write what the examples turn into; review the difference as behaviour
	@$(PYTHON) hack/golden.py

.PHONY: sbom
sbom: setup ## List the parts of every image, of the console's pages and of the chart (CycloneDX) into dist/sbom
	@$(RUN) supply sbom

.PHONY: audit
audit: setup ## Look for known holes in what is locked (3: the index tells of none, so nothing was checked)
	@$(RUN) supply audit

.PHONY: chart
chart: setup ## Package the chart into dist/chart (REGISTRY=ghcr.io/acme: where its images are)
	@$(RUN) supply chart

.PHONY: release-check
release-check: setup ## Refuse a release: TAG is not the version, or BASE or CUDA_BASE is not given by digest
	@$(RUN) supply release

.PHONY: docs
docs: setup ## Build the pages of docs/ as a site into site/, and fail on a link that leads nowhere
	@$(PYTHON) hack/site_pages.py

.PHONY: engine-table
engine-table: setup ## Write the flag table of the pinned vLLM
	@hack/engine-table.sh

.PHONY: bench-gateway
bench-gateway: compiled ## What the gateway costs and adds, beside six peers (8 minutes, on a machine with nothing else to do)
	@PYTHONPATH=.compiled/O2:$(PYTHONPATH) $(RUN) tidegate_bench gateway

.PHONY: bench-profile
bench-profile: setup ## Where the gateway's CPU goes, by function and system call
	@$(RUN) tidegate_bench profile

.PHONY: bench-routing
bench-routing: compiled ## Cached tokens, worker load and decision time, beside vllm-router and smg
	@PYTHONPATH=.compiled/O2:$(PYTHONPATH) $(RUN) tidegate_bench routing

.PHONY: bench-qos
bench-qos: compiled ## Who waits, and how long, at three times the load that fits
	@PYTHONPATH=.compiled/O2:$(PYTHONPATH) $(RUN) tidegate_bench qos

.PHONY: bench-rollout
bench-rollout: compiled ## Streams that break while a service changes its version: 1,000 through each kind of rollout
	@PYTHONPATH=.compiled/O2:$(PYTHONPATH) $(RUN) tidegate_bench rollout

.PHONY: bench-autoscaling
bench-autoscaling: setup ## Replicas and what they achieve over simulated hours, beside HPA, KEDA, KPA and WVA (TRACE=file.csv)
	@$(RUN) tidegate_bench autoscaling $(if $(TRACE),--trace $(TRACE))

.PHONY: bench-operator
bench-operator: setup ## Time, API calls, CPU and memory of the operator with 1,000 and 5,000 LLMServices (hours; SERVICES="200")
	@$(RUN) tidegate_bench operator $(if $(SERVICES),--services $(SERVICES))

.PHONY: bench-footprint
bench-footprint: setup ## What operator, gateway and console take at rest: libraries, import, memory (a minute)
	@$(RUN) tidegate_bench footprint

.PHONY: bench-engine
bench-engine: setup ## What batching, caching, chunks, speculation and small weights give on a real vLLM on this CPU
	@$(RUN) tidegate_bench engine

.PHONY: streams
streams: setup ## That nothing is lost: streams through every change, 500 kills, slow clients, deletes (PART= STREAMS= KILLS= SEED=)
	@$(RUN) streams $(or $(PART),all) --seed $(or $(SEED),1) $(if $(STREAMS),--streams $(STREAMS)) $(if $(CLIENTS),--clients $(CLIENTS)) \
	  $(if $(KILLS),--kills $(KILLS)) $(if $(SLOW),--slow $(SLOW)) $(if $(DELETES),--deletes $(DELETES)) $(if $(IDLE),--idle $(IDLE)) $(if $(PUBLISH),--publish)

.PHONY: chaos
chaos: setup ## One fault at each write, read and event of the operator (hours; PART= WORKLOAD= TRIALS= SEED= PLAN= PUBLISH=1)
	@nice $(RUN) chaos $(foreach one,$(PART),--part $(one)) $(foreach one,$(WORKLOAD),--workload $(one)) \
		$(if $(TRIALS),--trials $(TRIALS)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) \
		$(if $(PLAN),--plan '$(PLAN)') $(if $(BUG),--bug $(BUG)) $(if $(PUBLISH),--publish)

.PHONY: format
format: setup ## Format and fix what ruff can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .
