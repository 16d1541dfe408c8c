// Links between compiled routers or nodes. FLIT_WORDS, INPUT_PORTS and OUTPUT_PORTS come from wires.py.
#include "Vtop.h"
#include "verilated.h"

namespace {

enum Side { NORTH, SOUTH, EAST, WEST, LOCAL };
constexpr int FACING[4] = {SOUTH, NORTH, WEST, EAST};
constexpr int DX[4] = {0, 0, 1, -1}, DY[4] = {-1, 1, 0, 0};

struct Port {
    CData *slot, *freed;
    VlWide<FLIT_WORDS>* flit;
};

void tick(Vtop& block) {
    block.clk = 1;
    block.eval();
    block.clk = 0;
    block.eval();
}

}  // namespace

