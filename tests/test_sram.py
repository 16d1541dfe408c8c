"""The SRAM: all its ports against a reference memory, its error correction, and its macro's views."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from hdl.arbiter import Yielding
from hdl.config import PRESETS, ULX3S
from hdl.mem.sram import BANK_MODULE, READ_PATH_MODULE, Sram
from hdl.mem.storage import BODIES
from hdl.verilog import View, emit
from sim.build import build, build_text, ports, run
from synth import macros
from verif.sram.backdoor import PUBLIC
from verif.sram.top import SramPorts

#: Cycles of random traffic; about 2.5 accesses each.
CYCLES = 45_000


@pytest.fixture(scope="module", params=["SIM", "ULX3S"])
def model(request):
    return request.param, build(SramPorts(config=PRESETS[request.param]), name=f"sram_{request.param}",
                                no_inline=(BANK_MODULE, READ_PATH_MODULE), public=PUBLIC)


def test_random_traffic(model):
    name, built = model
    run(built, bench="verif.sram.bench", test="random_traffic", CONFIG=name, CYCLES=CYCLES if name == "SIM" else 5000)


@pytest.mark.parametrize("test", [
    "every_port_in_every_cycle", "streams_of_partial_stores_never_wait", "counters_and_addresses",
    "the_scrubber_finds_everything", "locks_make_atomics", "lines_and_their_check_bits_come_in_by_the_back_door",
])
def test_directed(model, test):
    name, built = model
    run(built, bench="verif.sram.bench", test=test, CONFIG=name)


@pytest.mark.parametrize("named, said", [
    ({"readers": ()}, r"an SRAM needs readers and writers, not \(\) and \('store',\)"),
    ({"writers": ()}, "an SRAM needs readers and writers, not .*'load'.* and \\(\\)"),
    ({"locks": {"load": "mesh"}}, "a lock needs a reader of .* and a writer of .*, not 'load' and 'mesh'"),
    ({"locks": {"store": "store"}}, "a lock needs a reader of .* and a writer of .*, not 'store' and 'store'"),
    ({"yielding": ("mesh",)}, r"must be some of the readers \('load', 'fetch'\), not all, not \('mesh',\)"),
    ({"yielding": ("fetch", "load")}, r"must be some of the readers .*, not all, not \('fetch', 'load'\)"),
])
def test_ports_that_there_are_not(named, said):
    with pytest.raises(ValueError, match=said):
        Sram(config=ULX3S, **({"readers": ("load", "fetch"), "writers": ("store",)} | named))


def test_not_everybody_can_yield():
    with pytest.raises(ValueError, match=r"those that yield must be some of 0 to 1, not all, not \[0, 1\]"):
        Yielding(count=2, yielding=(1, 0))


#: What an SRAM macro of ASAP7 does.
MACRO = """
module {name}(input CE, CSB, WEB, OEB, input [{address}:0] A, input [{bit}:0] I, output reg [{bit}:0] O);
    reg [{bit}:0] rows [0:{last}];
    always @(posedge CE)
        if (!CSB) begin
            if (!WEB) rows[A] <= I;
            else O <= rows[A];
        end
endmodule
"""


@pytest.mark.parametrize("view", [View.FPGA, View.ASIC])
def test_other_views_of_the_macro(view):
    """In banks of 1024 + 256 rows: macros of two depths."""
    config = replace(ULX3S, sram_bytes=ULX3S.sram_banks * 1280 * ULX3S.vector_bytes)
    component = SramPorts(config=config)
    text = emit(component, name="sram_view", view=view)
    models = "".join(
        MACRO.format(name=name, address=(macro.words - 1).bit_length() - 1, bit=macro.width - 1, last=macro.words - 1)
        for name, macro in macros.named_in(text).items())
    assert bool(models) == (view is View.ASIC)
    built = build_text(text + models, name="sram_view", visible=ports(component))
    run(built, bench="verif.sram.bench", test="random_traffic", CONFIG="ULX3S", SRAM_BYTES=config.sram_bytes,
        CYCLES=4000)


def test_block_rams_of_the_board():
    """Check bits cost no block RAM on ECP5: 72 bits take two, as 64 do."""
    script = "\n".join([
        f"read_verilog {BODIES / 'fpga.v'}",
        f"chparam -set DEPTH {ULX3S.bank_lines} -set WORDS 2 -set ADDRESS_BITS {(ULX3S.bank_lines - 1).bit_length()} "
        "d1_sram_bank", "synth_ecp5 -top d1_sram_bank", "stat"])
    program = "from pyosys import libyosys\ndesign = libyosys.Design()\n" \
              f"for line in {script!r}.splitlines(): design.run_pass(line)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"(\d+) +DP16KD", said)[-1] == str(ULX3S.sram_bytes // 2048)
