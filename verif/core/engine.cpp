// A core with its SRAM that runs programs and compares each retired instruction with what it should have done.
// The constants (bit positions of fields, names of types) come from engine.py.
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>
#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr int LINE_WORDS = LINE_BYTES / 4;

// Ports of up to 64 bits are integers, wider ones arrays of 32-bit words.
template <typename T>
uint64_t get(const T& port, int offset, int width) {
    if constexpr (std::is_integral_v<T>) {
        return uint64_t(port) >> offset & ~uint64_t(0) >> (64 - width);
    } else {
        uint64_t value = 0;
        for (int bit = 0; bit < width;) {
            const int shift = (offset + bit) % 32, count = width - bit < 32 - shift ? width - bit : 32 - shift;
            value |= (port[(offset + bit) / 32] >> shift & ~uint64_t(0) >> (64 - count)) << bit;
            bit += count;
        }
        return value;
    }
}

template <typename T>
void set(T& port, int offset, int width, uint64_t value) {
    if constexpr (std::is_integral_v<T>) {
        const uint64_t mask = ~uint64_t(0) >> (64 - width) << offset;
        port = T((port & ~mask) | (value << offset & mask));
    } else {
        for (int bit = 0; bit < width;) {
            const int shift = (offset + bit) % 32, count = width - bit < 32 - shift ? width - bit : 32 - shift;
            const uint32_t mask = uint32_t(~uint64_t(0) >> (64 - count)) << shift;
            uint32_t& word = port[(offset + bit) / 32];
            word = (word & ~mask) | (uint32_t(value >> bit) << shift & mask);
            bit += count;
        }
    }
}

enum File : uint8_t { NONE, X, V };

// Where a late result has what.
struct Late {
    int valid, result, thread, destination, data;
};

constexpr Late SCALAR_PLACES = {SCALAR_VALID, SCALAR_RESULT, SCALAR_THREAD, SCALAR_DESTINATION, SCALAR_DATA};
constexpr Late VECTOR_PLACES = {VECTOR_VALID, VECTOR_RESULT, VECTOR_THREAD, VECTOR_DESTINATION, VECTOR_DATA};

}  // namespace

extern "C" {

struct Record {
    uint64_t pc;
    uint32_t word;
    uint8_t file, number, padding[2];
    uint8_t value[LINE_BYTES];
};

struct Flaw {
    uint32_t cycle, line, word, first, second;
};

struct Memory {
    uint64_t count;
    const uint32_t* lines;
    uint8_t* content;  // [count][LINE_BYTES]
};

struct Case {
    uint64_t seed, limit;
    Memory before, after;  // what is loaded, and what is read back
    uint64_t flaw_count;
    const Flaw* flaws;     // by their cycle
    uint32_t hold, disturb;  // probabilities / 2^32: a traffic class is held; the host reads a line
    struct {
        uint64_t runs, pc, count;
        const Record* records;
        uint32_t* cycles;  // in which each was executed
        uint64_t registers[REGISTERS];
    } threads[THREADS];
    uint64_t cycles, errors;
    uint64_t held, disturbed;  // cycles
};

// What is wrong first: a sentence's number, and the instruction in question.
struct Difference {
    uint64_t kind, thread, index, cycle;
    Record found;
};

enum Kind { EQUAL, ANOTHER_INSTRUCTION, ANOTHER_VALUE, TOO_MANY, TOO_FEW, NOBODY_WAITS, NEVER_ENDS };

}

namespace {

class Engine {
public:
    Engine() : top(&context, "top") {
        context.randReset(0);
        top.clk = 0;
    }

    void run(Case& job, Difference& difference) {
        wrong = &difference;
        wrong->kind = EQUAL;
        reset();
        for (uint64_t i = 0; i < job.before.count; ++i) write(job.before.lines[i], job.before.content + i * LINE_BYTES);
        random.state = job.seed | 1;
        next_flaw = 0;
        for (int thread = 0; thread < THREADS; ++thread) {
            next[thread] = 0;
            waiting[thread].clear();
        }
        current = &job;
        for (; next_flaw < job.flaw_count && !job.flaws[next_flaw].cycle; ++next_flaw) inject(job.flaws[next_flaw]);
        const uint64_t start = now;
        first = now;
        for (int thread = 0; thread < THREADS; ++thread)
            if (job.threads[thread].runs) {
                control(thread, PC, true, job.threads[thread].pc);
                control(thread, STATE, true, 1);
            }
        while (!wrong->kind && !ended(job)) {
            if (now - start > job.limit) {
                say(NEVER_ENDS, 0, 0);
                break;
            }
            for (int i = 0; i < 64 && !wrong->kind; ++i) busy_step(job);
        }
        for (int i = 0; i < 400 && !wrong->kind; ++i) tick();
        job.cycles = now - start;
        for (int thread = 0; thread < THREADS && !wrong->kind; ++thread)
            if (next[thread] != job.threads[thread].count || !waiting[thread].empty()) say(TOO_FEW, thread, next[thread]);
        top.hold = 0;
        current = nullptr;
        job.errors = top.errors;
        for (int thread = 0; thread < THREADS; ++thread)
            for (int i = 0; i < REGISTERS; ++i) job.threads[thread].registers[i] = control(thread, 8 * i, false, 0);
        for (uint64_t i = 0; i < job.after.count; ++i) read(job.after.lines[i], job.after.content + i * LINE_BYTES);
    }

private:
    void reset() {
        top.rst = 1;
        top.hold = 0;
        top.host__request__valid = top.injection__valid = top.control__valid = 0;
        current = nullptr;
        for (int i = 0; i < 2; ++i) tick();
        top.rst = 0;
    }

    // The outputs of this cycle are looked at, then the clock rises.
    void tick() {
        top.eval();
        accepted = top.host__request__ready;
        injected = top.injection__ready;
        register_value = top.control__read_data;
        answered = top.host__response__valid;
        if (answered) std::memcpy(answer, top.host__response__payload.data(), LINE_BYTES);
        if (current) retire(*current);
        top.clk = 1;
        top.eval();
        top.clk = 0;
        ++now;
    }

    // A cycle of the program, with what disturbs it.
    void busy_step(Case& job) {
        if (job.hold) {
            if (random.chance(1u << 29)) top.hold = random.chance(job.hold) | random.chance(job.hold) << 1;
            job.held += top.hold != 0;
        }
        if (top.host__request__valid && accepted) top.host__request__valid = 0;
        if (job.disturb && !top.host__request__valid && random.chance(job.disturb)) {
            request(job.before.lines[random.below(job.before.count)], false);
            ++job.disturbed;
        }
        if (top.injection__valid && injected) {
            top.injection__valid = 0;
            ++next_flaw;
        }
        if (!top.injection__valid && next_flaw < job.flaw_count && job.flaws[next_flaw].cycle <= now - first)
            offer(job.flaws[next_flaw]);
        tick();
    }

    bool ended(Case& job) {
        for (int thread = 0; thread < THREADS; ++thread)
            if (job.threads[thread].runs) {
                const uint64_t state = control(thread, STATE, false, 0);
                if (state != HALTED && state != TRAPPED) return false;
            }
        // What was under way outside the threads is finished, so that memory can be read.
        while (top.host__request__valid || top.injection__valid) {
            if (top.host__request__valid && accepted) top.host__request__valid = 0;
            if (top.injection__valid && injected) top.injection__valid = 0;
            tick();
        }
        top.hold = 0;
        return true;
    }

    uint64_t control(int thread, int offset, bool write, uint64_t value) {
        top.control__address = THREAD_BLOCK * thread + offset;
        top.control__write = write;
        top.control__write_data = value;
        top.control__valid = 1;
        tick();
        top.control__valid = 0;
        return register_value;
    }

    void request(uint32_t line, bool write) {
        set(top.host__request__payload, REQUEST_LINE, LINE_BITS, line);
        set(top.host__request__payload, REQUEST_WRITE, 1, write);
        set(top.host__request__payload, REQUEST_MASK, LINE_BYTES, ~uint64_t(0));
        top.host__request__valid = 1;
    }

    void write(uint32_t line, const uint8_t* content) {
        std::memcpy(top.host__request__payload.data() + REQUEST_DATA / 32, content, LINE_BYTES);
        request(line, true);
        do tick(); while (!accepted);
        top.host__request__valid = 0;
    }

    void read(uint32_t line, uint8_t* content) {
        request(line, false);
        do tick(); while (!accepted);
        top.host__request__valid = 0;
        while (!answered) tick();
        std::memcpy(content, answer, LINE_BYTES);
        answered = false;
    }

    void offer(const Flaw& flaw) {
        set(top.injection__payload, FLAW_LINE, LINE_BITS, flaw.line);
        set(top.injection__payload, FLAW_WORD, FLAW_WORD_BITS, flaw.word);
        set(top.injection__payload, FLAW_FIRST, 7, flaw.first);
        set(top.injection__payload, FLAW_SECOND, 7, flaw.second);
        top.injection__valid = 1;
    }

    void inject(const Flaw& flaw) {
        offer(flaw);
        do tick(); while (!injected);
        top.injection__valid = 0;
    }

    void say(Kind kind, int thread, uint64_t index) {
        if (wrong->kind) return;
        wrong->kind = kind;
        wrong->thread = thread;
        wrong->index = index;
        wrong->cycle = now;
    }

    void compare(Case& job, int thread, uint64_t index, int offset, int bytes) {
        Record found = job.threads[thread].records[index];
        for (int i = 0; i < bytes; i += 8) {
            const uint64_t value = get(top.retirement, offset + 8 * i, 64);
            std::memcpy(found.value + i, &value, 8);
        }
        if (std::memcmp(found.value, job.threads[thread].records[index].value, bytes)) {
            wrong->found = found;
            say(ANOTHER_VALUE, thread, index);
        }
    }

    void retire(Case& job) {
        const auto& port = top.retirement;
        for (int slot = 0; slot < SLOTS; ++slot) {
            const int at = SLOT + slot * SLOT_STRIDE;
            if (!get(port, at + SLOT_VALID, 1)) continue;
            const int thread = get(port, at + SLOT_THREAD, THREAD_BITS);
            auto& expected = job.threads[thread];
            const uint64_t index = next[thread]++;
            Record found = {};
            found.pc = get(port, at + SLOT_PC, 64);
            found.word = get(port, at + SLOT_WORD, 32);
            if (index >= expected.count) {
                wrong->found = found;
                return say(TOO_MANY, thread, index);
            }
            const Record& record = expected.records[index];
            expected.cycles[index] = now - first;
            if (found.pc != record.pc || found.word != record.word) {
                wrong->found = found;
                return say(ANOTHER_INSTRUCTION, thread, index);
            }
            if (record.file == X && get(port, at + SLOT_WRITES, 1))
                compare(job, thread, index, at + SLOT_VALUE, 8);
            else if (record.file != NONE || get(port, at + SLOT_WAITS, 1))
                waiting[thread].push_back(index);
        }
        for (int i = 0; i < SCALARS; ++i) late(job, SCALAR + i * SCALAR_STRIDE, SCALAR_PLACES, X);
        for (int i = 0; i < VECTORS; ++i) late(job, VECTOR + i * VECTOR_STRIDE, VECTOR_PLACES, V);
        for (int thread = 0; thread < THREADS; ++thread)
            if (get(port, RESUMED + thread, 1)) take(job, thread, NONE, 0);
    }

    // The oldest waiting instruction of a thread with this destination, or -1.
    int64_t take(Case& job, int thread, File file, int number) {
        for (auto item = waiting[thread].begin(); item != waiting[thread].end(); ++item) {
            const Record& record = job.threads[thread].records[*item];
            if (record.file == file && (file == NONE || record.number == number)) {
                const int64_t index = *item;
                waiting[thread].erase(item);
                return index;
            }
        }
        return -1;
    }

    void late(Case& job, int at, const Late& places, File file) {
        if (!get(top.retirement, at + places.valid, 1)) return;
        at += places.result;
        const int thread = get(top.retirement, at + places.thread, THREAD_BITS);
        const int number = get(top.retirement, at + places.destination, 5);
        const int64_t index = take(job, thread, file, number);
        if (index >= 0)
            compare(job, thread, index, at + places.data, file == X ? 8 : LINE_BYTES);
        else if (file == V || number)
            say(NOBODY_WAITS, thread, next[thread]);
    }

    VerilatedContext context;
    Vtop top;
    Random random{1};
    uint64_t now = 0, first = 0, next_flaw = 0, next[THREADS] = {};
    std::deque<uint64_t> waiting[THREADS];
    Case* current = nullptr;
    Difference* wrong = nullptr;
    bool accepted = false, injected = false, answered = false;
    uint64_t register_value = 0;
    uint8_t answer[LINE_BYTES];
};

}  // namespace

extern "C" {
void* engine_new() { return new Engine; }
void engine_run(void* engine, Case* job, Difference* difference) { static_cast<Engine*>(engine)->run(*job, *difference); }
}
