// A mesh of compiled routers with sources and sinks, and a scoreboard that knows every flit.
// The constants (bit positions of the flit's fields) come from model.py.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int CLASSES = 2;
constexpr int GRID = 128;  // coordinates have 7 bits
constexpr uint32_t OPS[CLASSES] = {OP_OF_CLASS_0, OP_OF_CLASS_1};

uint32_t mix(uint64_t value) {
    value *= 0x9e3779b97f4a7c15;
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9;
    return value >> 32;
}

template <typename Wide>
uint32_t get(const Wide& words, int offset, int width) {
    uint64_t pair = words[offset / 32];
    if (offset % 32 + width > 32) pair |= uint64_t(words[offset / 32 + 1]) << 32;
    return pair >> offset % 32 & ((uint64_t(1) << width) - 1);
}

template <typename Wide>
void set(Wide& words, int offset, int width, uint64_t value) {
    for (int bit = 0; bit < width;) {
        const int word = (offset + bit) / 32, shift = (offset + bit) % 32;
        const int count = width - bit < 32 - shift ? width - bit : 32 - shift;
        const uint32_t mask = (count == 32 ? ~0u : (1u << count) - 1) << shift;
        words[word] = (words[word] & ~mask) | (uint32_t(value >> bit) << shift & mask);
        bit += count;
    }
}

// A flow is what has to stay in order: source, destination and class.
struct Flow {
    uint32_t sent = 0, arrived = 0;
    int32_t last_node = -1;
};

struct Flit {
    uint32_t place, born;
};

struct Node {
    int x, y;
    int neighbour[4];
    std::unique_ptr<Vtop> router;
    std::deque<Flit> waiting[CLASSES];
    int turn = 0, ready = 3;
    bool quiet = true;  // nothing comes from the neighbours
    std::vector<Flow> flows;  // [place][class]
    Port inputs[4], outputs[4];
};

// Nobody goes on before all have come.
class Barrier {
public:
    explicit Barrier(int count) : _count(count) {}
    void wait() {
        const unsigned turn = _turn;
        if (++_waiting == _count) {
            _waiting = 0;
            ++_turn;
        } else {
            while (_turn == turn) std::this_thread::yield();
        }
    }

private:
    const int _count;
    std::atomic<int> _waiting{0};
    std::atomic<unsigned> _turn{0};
};

}  // namespace

struct Traffic {
    uint32_t load, class_1, stall_0, stall_1;  // probabilities x 2^32 of a new list, its class, and sinks that wait
    uint32_t burst;                            // cycles for which a sink's choice holds
    uint32_t queue;                            // flits that wait at a source; beyond that none is made
    uint32_t length;                           // flits that are made at once, all of them to the same place
    uint32_t choices;                          // places to choose from, of each node
    const uint32_t* places;                    // [nodes][choices]
};

struct Counts {
    uint64_t cycles, made, dropped, entered, arrived, misplaced, latency_sum, latency_max;
    uint64_t* links;      // [nodes][3][5]: flits, stalls, refused
    uint64_t* latencies;  // [LATENCIES]; longer ones count as the longest
};

struct Mesh {
    std::vector<std::unique_ptr<VerilatedContext>> contexts;  // one for each thread
    std::vector<Node> nodes;
    std::vector<int> node_at = std::vector<int>(GRID * GRID, -1);   // by y * GRID + x
    std::vector<int> place_at = std::vector<int>(GRID * GRID, -1);
    std::vector<int> places;                                        // y * GRID + x of each
    uint64_t cycle = 0, inside = 0, quiet = 0;  // flits inside; cycles since the last one arrived
    Random random{1};
    std::string error;
};

static std::string coordinates(int site) {
    return "(" + std::to_string(site % GRID) + ", " + std::to_string(site / GRID) + ")";
}

// Word 0 of a payload is the cycle in which the flit was made; the others depend on everything that is known of it.
uint32_t payload_word(int source, uint32_t place, int c, uint32_t number, uint32_t born, int word) {
    if (word == 0) return born;
    return mix(uint64_t(source) << 48 ^ uint64_t(place) << 33 ^ uint64_t(c) << 32 ^ number ^ uint64_t(word) << 57) ^ born;
}

// Nodes in any order; `links` has a bit for each side with a neighbour. Places are where flits may be sent to.
extern "C" Mesh* mesh_new(int count, const int32_t* xy, const uint8_t* links, int places, const int32_t* place_xy,
                          uint64_t seed, int threads) {
    auto* mesh = new Mesh;
    for (int t = 0; t < threads; ++t) mesh->contexts.push_back(std::make_unique<VerilatedContext>());
    for (auto& context : mesh->contexts) context->randReset(0);
    mesh->random.state = mix(seed) | 1;
    for (int i = 0; i < 16; ++i) mesh->random.next();
    mesh->nodes.resize(count);
    for (int i = 0; i < count; ++i) mesh->node_at[xy[2 * i + 1] * GRID + xy[2 * i]] = i;
    for (int p = 0; p < places; ++p) {
        mesh->places.push_back(place_xy[2 * p + 1] * GRID + place_xy[2 * p]);
        mesh->place_at[mesh->places.back()] = p;
    }
    for (int i = 0; i < count; ++i) {
        Node& node = mesh->nodes[i];
        node.x = xy[2 * i];
        node.y = xy[2 * i + 1];
        node.router = std::make_unique<Vtop>(mesh->contexts[size_t(i) * threads / count].get(), "");
        node.flows.resize(size_t(places) * CLASSES);
        Vtop& r = *node.router;
        const Port inputs[4] = INPUT_PORTS, outputs[4] = OUTPUT_PORTS;
        for (int side = 0; side < 4; ++side) {
            node.inputs[side] = inputs[side];
            node.outputs[side] = outputs[side];
            node.neighbour[side] =
                links[i] >> side & 1 ? mesh->node_at[(node.y + DY[side]) * GRID + node.x + DX[side]] : -1;
        }
        r.position = node.x | node.y << 7;
        r.neighbours = links[i];
        r.eval();  // the clock is low,
        tick(r);   // and its place is a register
    }
    return mesh;
}

extern "C" void mesh_delete(Mesh* mesh) { delete mesh; }
extern "C" const char* mesh_error(const Mesh* mesh) { return mesh->error.c_str(); }
extern "C" uint64_t mesh_inside(const Mesh* mesh) { return mesh->inside; }

// A write to the routing settings of a node. Only while nothing is inside: the others do not move.
extern "C" void mesh_set_routes(Mesh* mesh, int index, int by_table, int write, int row, int group, uint64_t routes) {
    Vtop& r = *mesh->nodes[index].router;
    r.settings__by_table = by_table;
    r.settings__write = write;
    r.settings__row = row;
    r.settings__group = group;
    r.settings__routes = routes;
    tick(r);
    r.settings__write = 0;
    tick(r);
}

static void send(Mesh& mesh, int index, Counts& counts) {
    Node& node = mesh.nodes[index];
    Vtop& r = *node.router;
    r.local_in__valid = 0;
    for (int k = 0; k < CLASSES; ++k) {
        const int c = (node.turn + k) % CLASSES;
        if (node.waiting[c].empty() || !(r.local_in__ready >> c & 1)) continue;
        const Flit made = node.waiting[c].front();
        node.waiting[c].pop_front();
        const uint32_t number = node.flows[made.place * CLASSES + c].sent++;
        auto& flit = r.local_in__flit;
        for (int word = 0; word < FLIT_WORDS; ++word) flit[word] = 0;
        set(flit, DESTINATION_X, 7, mesh.places[made.place] % GRID);
        set(flit, DESTINATION_Y, 7, mesh.places[made.place] / GRID);
        set(flit, SOURCE_X, 7, node.x);
        set(flit, SOURCE_Y, 7, node.y);
        set(flit, OP, 4, OPS[c]);
        set(flit, ADDRESS, 32, number);
        for (int word = 0; word < PAYLOAD_WORDS; ++word)
            set(flit, PAYLOAD + 32 * word, 32, payload_word(index, made.place, c, number, made.born, word));
        r.local_in__valid = 1 << c;
        node.turn = 1 - c;
        ++mesh.inside;
        ++counts.entered;
        return;
    }
}

static void arrive(Mesh& mesh, int index, Counts& counts) {
    Node& node = mesh.nodes[index];
    const auto& flit = node.router->flit;
    const int to = get(flit, DESTINATION_Y, 7) * GRID + get(flit, DESTINATION_X, 7);
    const int from = get(flit, SOURCE_Y, 7) * GRID + get(flit, SOURCE_X, 7);
    const uint32_t number = get(flit, ADDRESS, 32), born = get(flit, PAYLOAD, 32);
    const int place = mesh.place_at[to], source = mesh.node_at[from], op = get(flit, OP, 4), c = op >> 3;
    auto fail = [&](const std::string& what) {
        mesh.error = "cycle " + std::to_string(mesh.cycle) + ": flit " + std::to_string(number) + " from " + coordinates(from) +
            " to " + coordinates(to) + ", at " + coordinates(node.y * GRID + node.x) + ": " + what;
    };
    if (place < 0 || source < 0 || op != int(OPS[c]) || node.router->taken != 1 << c) return fail("corrupt header");
    Flow& flow = mesh.nodes[source].flows[place * CLASSES + c];
    if (flow.arrived == flow.sent || number != flow.arrived)
        return fail("expected was number " + std::to_string(flow.arrived) + " of " + std::to_string(flow.sent));
    ++flow.arrived;
    for (int word = 0; word < PAYLOAD_WORDS; ++word)
        if (get(flit, PAYLOAD + 32 * word, 32) != payload_word(source, place, c, number, born, word))
            return fail("corrupt payload");
    if (mesh.node_at[to] != index) {
        if (mesh.node_at[to] >= 0) return fail("it has been misrouted");
        if (flow.last_node >= 0 && flow.last_node != index) return fail("no such node, and others were sent elsewhere");
        ++counts.misplaced;
    }
    flow.last_node = index;
    const uint64_t latency = uint32_t(mesh.cycle) - born - 1;  // it waited for a cycle in the tile's register
    counts.latency_sum += latency;
    counts.latency_max = latency > counts.latency_max ? latency : counts.latency_max;
    ++counts.latencies[latency < LATENCIES ? latency : LATENCIES - 1];
    ++counts.arrived;
    --mesh.inside;
    mesh.quiet = 0;
}

// What sources make, and whether sinks take: all that is random.
static void draw(Mesh& mesh, const Traffic& traffic, Counts& counts) {
    const bool redraw = mesh.cycle % traffic.burst == 0;
    for (size_t i = 0; i < mesh.nodes.size(); ++i) {
        Node& node = mesh.nodes[i];
        if (mesh.random.chance(traffic.load)) {
            auto& queue = node.waiting[mesh.random.chance(traffic.class_1)];
            const uint32_t* choices = traffic.places + i * traffic.choices;
            const bool room = queue.size() + traffic.length <= traffic.queue;
            if (room)
                queue.insert(queue.end(), traffic.length,
                             {choices[mesh.random.below(traffic.choices)], uint32_t(mesh.cycle)});
            (room ? counts.made : counts.dropped) += traffic.length;
        }
        if (redraw) node.ready = !mesh.random.chance(traffic.stall_0) | !mesh.random.chance(traffic.stall_1) << 1;
    }
}

static void count_links(const Vtop& r, uint64_t* links) {
    for (int side = 0; side < 5; ++side) {
        links[side] += r.flits >> side & 1;
        links[5 + side] += r.stalls >> side & 1;
        links[10 + side] += r.refused >> side & 1;
    }
}

// What comes to a node from its neighbours.
static void connect(const Mesh& mesh, Node& node) {
    node.quiet = true;
    for (int side = 0; side < 4; ++side) {
        if (node.neighbour[side] < 0) continue;
        const Node& other = mesh.nodes[node.neighbour[side]];
        const Port& there = other.outputs[FACING[side]];
        *node.outputs[side].freed = *other.inputs[FACING[side]].freed;
        if ((*node.inputs[side].slot = *there.slot)) *node.inputs[side].flit = *there.flit;
        node.quiet &= !*node.outputs[side].freed && !*node.inputs[side].slot;
    }
}

// A rising edge, without the falling one before it, at which nothing happens.
static void rise(Vtop& router) {
    router.rootp->CLOCK_BEFORE = 0;
    router.clk = 1;
    router.eval();
}

// A router that is idle and that nothing comes to stays as it is.
static void step(Node& node) {
    Vtop& r = *node.router;
    r.ready = node.ready;
    if (!(r.idle && node.quiet && !r.local_in__valid)) rise(r);
}

static bool is_empty(const Mesh& mesh) {
    bool empty = mesh.inside == 0;
    if (empty)
        for (const Node& node : mesh.nodes) empty &= node.waiting[0].empty() & node.waiting[1].empty();
    return empty;
}

// Runs for some cycles; ends early after an error, or when nothing is inside or waiting, if `until_empty`. Nothing
// arriving for `limit` cycles while something is inside is an error.
//
// Each thread has a share of the nodes; what is random and what all nodes count belongs to the first one. In a cycle all
// first copy what comes to their nodes, and then let the nodes go on.
extern "C" void mesh_run(Mesh* handle, uint64_t cycles, int until_empty, uint64_t limit, const Traffic* traffic,
                         Counts* counts) {
    Mesh& mesh = *handle;
    const size_t count = mesh.nodes.size(), threads = mesh.contexts.size();
    Barrier barrier(threads);
    bool ended = false;
    auto share = [&](size_t thread, auto&& action) {
        for (size_t i = thread * count / threads; i < (thread + 1) * count / threads; ++i) action(i);
    };
    auto copy = [&](size_t i) { connect(mesh, mesh.nodes[i]); };
    auto go_on = [&](size_t i) {
        step(mesh.nodes[i]);
        count_links(*mesh.nodes[i].router, counts->links + 15 * i);
    };
    std::vector<std::thread> others;
    for (size_t thread = 1; thread < threads; ++thread)
        others.emplace_back([&, thread] {
            for (;;) {
                share(thread, copy);
                barrier.wait();
                if (ended) return;
                share(thread, go_on);
                barrier.wait();
            }
        });
    for (uint64_t done = 0; done < cycles && mesh.error.empty(); ++done) {
        draw(mesh, *traffic, *counts);
        if (until_empty && is_empty(mesh)) break;
        for (size_t i = 0; i < count; ++i) send(mesh, i, *counts);
        share(0, copy);
        barrier.wait();
        share(0, go_on);
        barrier.wait();
        ++mesh.cycle;
        ++counts->cycles;
        ++mesh.quiet;
        for (size_t i = 0; i < count; ++i)
            if (mesh.nodes[i].router->taken) arrive(mesh, i, *counts);
        if (mesh.inside == 0) mesh.quiet = 0;
        if (mesh.quiet > limit && mesh.error.empty())
            mesh.error = "cycle " + std::to_string(mesh.cycle) + ": " + std::to_string(mesh.inside) +
                " flits are inside and none has arrived for " + std::to_string(limit) + " cycles";
    }
    ended = true;
    barrier.wait();
    for (auto& other : others) other.join();
}
