# `make help` lists what there is. Everything is built from pinned sources; what is built once is kept in JUMUN_CACHE.
SHELL := /bin/bash
NAME ?= dev
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## watch real orders go through a real API server (KEEP=1 stays up, DEMO_KUBECONFIG=… uses that cluster)
	@tools/demo

test: ## everything that must hold
	@tools/test

unit: ## the pure core alone, in seconds
	cargo test --workspace --lib

model: ## every interleaving of larger configurations, breadth first, as far as the memory goes
	JUMUN_MODEL=deep cargo test --workspace --test model -- --nocapture every_interleaving

check: ## format, lints, documentation, dependencies, the chart
	@tools/check

platform: ## the platform on fake nodes, with pods that live, a gateway and autoscalers (4 minutes)
	@tools/platform

platform-long: ## the same with metrics-server and an autoscaler that makes nodes and takes them away (7 minutes more to build them the first time)
	@tools/platform long::

testbed: ## what the platform is tested on besides the control plane: kwok, Gateway API, Traefik (2 minutes the first time)
	@tools/testbed all

bench: ## the benchmark (QUICK=1: 5 minutes; BLOCKS=5, BEFORE=COMMIT, TRACE=1, LONG=1: see docs/performance.md)
	cargo bench --bench orders

crds: ## write crds/ anew
	@# With the features that the tests have, so that no dependency is built once more.
	cargo build --quiet --workspace --test repo && $${CARGO_TARGET_DIR:-target}/debug/jumun crds --out crds

image: ## the container image as target/image/jumun.tar, without an engine or a registry (IMAGE=name:tag)
	@tools/image

chart: ## lint, render and judge the chart, test the alerts
	@tools/chart check

e2e: ## the end-to-end tests against KUBECONFIG, whose nodes can pull IMAGE (see tools/e2e)
	@tools/e2e build && tools/e2e run

e2e-kind: ## the same on a kind cluster of its own (KEEP=1: it stays)
	@tools/e2e kind

cluster-up: ## start a control plane (NAME=dev); prints the line that exports KUBECONFIG
	@tools/cluster up $(NAME)

cluster-down: ## stop it and remove its data
	@tools/cluster down $(NAME)

.PHONY: help demo test unit model check platform platform-long testbed bench crds image chart e2e e2e-kind cluster-up cluster-down
