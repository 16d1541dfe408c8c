// A mesh of compiled nodes, and a host at the NORTH side of the first.
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

namespace {

using Flit = VlWide<FLIT_WORDS>;
using Node = std::unique_ptr<Vtop>;

// One way of a link, from who drives it to who takes it.
struct Wire {
    Port from, to;
};

Port port(Vtop& r, bool output, int side) {
    const Port inputs[4] = INPUT_PORTS, outputs[4] = OUTPUT_PORTS;
    return (output ? outputs : inputs)[side];
}

}  // namespace

struct Mesh {
    VerilatedContext context;
    std::vector<Node> nodes;
    std::vector<Wire> wires;
    Port to_mesh, from_mesh;
    std::deque<Flit> packets, answers;
    uint32_t free;  // slots of the first node's NORTH side
    uint64_t cycle = 0;
};

// Nodes in the order of `xy`; the neighbour of node i on a side is `neighbours[i][side]`, or -1; `links` has what the node
// is told of them.
extern "C" Mesh* nodes_new(int count, const int32_t* xy, const int32_t* neighbours, const uint8_t* links) {
    auto* mesh = new Mesh;
    mesh->context.randReset(0);
    for (int i = 0; i < count; ++i) {
        mesh->nodes.push_back(std::make_unique<Vtop>(&mesh->context, ""));
        Vtop& node = *mesh->nodes.back();
        node.position = xy[2 * i] << POSITION_X | xy[2 * i + 1] << POSITION_Y;
        node.neighbours = links[i];
        node.rst = 1;
        node.eval();
        tick(node);
        node.rst = 0;
    }
    for (int i = 0; i < count; ++i)
        for (int side = 0; side < 4; ++side)
            if (const int other = neighbours[4 * i + side]; other >= 0)
                mesh->wires.push_back({port(*mesh->nodes[i], true, side), port(*mesh->nodes[other], false, FACING[side])});
    mesh->to_mesh = port(*mesh->nodes[0], false, NORTH);
    mesh->from_mesh = port(*mesh->nodes[0], true, NORTH);
    mesh->free = (1u << DEPTH) - 1;
    return mesh;
}

extern "C" void nodes_delete(Mesh* mesh) { delete mesh; }

// A packet, which leaves the host after those before it, as soon as there is room.
extern "C" void nodes_send(Mesh* mesh, const uint32_t* flit) {
    std::memcpy(mesh->packets.emplace_back().data(), flit, sizeof(Flit));
}

extern "C" bool nodes_receive(Mesh* mesh, uint32_t* flit) {
    if (mesh->answers.empty()) return false;
    std::memcpy(flit, mesh->answers.front().data(), sizeof(Flit));
    mesh->answers.pop_front();
    return true;
}

// Runs for some cycles, or, with `until_answer`, until one has come if that is sooner; returns the cycles since reset.
extern "C" uint64_t nodes_run(Mesh* handle, uint64_t cycles, bool until_answer) {
    Mesh& mesh = *handle;
    for (uint64_t step = 0; step < cycles && !(until_answer && !mesh.answers.empty()); ++step, ++mesh.cycle) {
        for (const Wire& wire : mesh.wires) {
            *wire.from.freed = *wire.to.freed;
            if ((*wire.to.slot = *wire.from.slot)) *wire.to.flit = *wire.from.flit;
        }
        // The host takes at once what comes. A class may use all slots but the other one's.
        if ((*mesh.from_mesh.freed = *mesh.from_mesh.slot)) mesh.answers.push_back(*mesh.from_mesh.flit);
        mesh.free |= *mesh.to_mesh.freed;
        *mesh.to_mesh.slot = 0;
        if (!mesh.packets.empty()) {
            const Flit& first = mesh.packets.front();
            const uint32_t usable = mesh.free & ~(1u << !(first[CLASS_BIT / 32] >> CLASS_BIT % 32 & 1));
            if (const uint32_t slot = usable & -usable) {
                *mesh.to_mesh.slot = slot;
                *mesh.to_mesh.flit = first;
                mesh.packets.pop_front();
                mesh.free &= ~slot;
            }
        }
        for (Node& node : mesh.nodes) tick(*node);
    }
    return mesh.cycle;
}
