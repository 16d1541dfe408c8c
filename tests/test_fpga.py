"""The link to a board, the host's end of it, and a whole tile behind a serial line."""

from fpga.link.link import SerialLink
from sim.build import build, run
from verif.fpga import link_bench


def test_link():
    link = SerialLink(config=link_bench.CONFIG, divisor=link_bench.DIVISOR, identity=link_bench.IDENTITY,
                      patience=link_bench.PATIENCE)
    run(build(link, name="link"), bench="verif.fpga.link_bench")
