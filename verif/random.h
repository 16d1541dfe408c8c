// Random numbers for drivers of compiled models: xorshift64.
#include <cstdint>

namespace {

struct Random {
    uint64_t state;
    uint64_t next() {
        state ^= state << 13;
        state ^= state >> 7;
        return state ^= state << 17;
    }
    bool chance(uint64_t threshold) { return (next() >> 32) < threshold; }  // threshold / 2^32
    uint32_t below(uint32_t count) { return (next() >> 32) * count >> 32; }
};

}  // namespace

