"""The execute stage: no two of its writes of a cycle are to one integer register, which register files rely on."""

from itertools import combinations

from amaranth.hdl import Assert, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hdl.core.execute import Execute
from hdl.core.layouts import operation_layout
from verif.core.cases import CORES
from verif.formal.proof import Proof

#: One group that issues three instructions a cycle.
CONFIG = CORES["DEEP"]


class OneWriter(wiring.Component):
    """Any instructions, one behind the other, in any state of the stage.

    Members
    -------
    issued : In(slots), operations : In
        What comes into the stage; all other inputs are 0.
    """

    def __init__(self):
        super().__init__({
            "issued": In(CONFIG.slots),
            "operations": In(data.ArrayLayout(operation_layout(CONFIG), CONFIG.slots)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.execute = execute = Execute(config=CONFIG)
        m.d.comb += [
            execute.issued.eq(self.issued),
            execute.operations.eq(self.operations),
            *(Assert(~(older.valid & younger.valid & (older.result.thread == younger.result.thread)
                       & (older.result.destination == younger.result.destination)))
              for older, younger in combinations(execute.writes, 2)),
        ]
        return m


PROOFS = (
    Proof(name="execute_one_writer", component=OneWriter, mode="prove", depth=1, engine="abc", quick=True,
          states="of instructions that execute together one at most writes an integer register"),
)
