"""The SRAM: all its ports against a reference memory, its error correction, and its macro's views."""

import pytest

from hdl.config import PRESETS
from hdl.mem.sram import BANK_MODULE, READ_PATH_MODULE
from sim.build import build, run
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
