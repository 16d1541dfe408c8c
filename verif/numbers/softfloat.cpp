// The float lane's operations by Berkeley SoftFloat, on arrays. The library that softfloatpy brings defines f32_add and the rest.

#include <cstddef>
#include <cstdint>

struct bfloat16_t { uint16_t v; };
struct float32_t { uint32_t v; };
struct float64_t { uint64_t v; };

extern "C" {
extern uint8_t softfloat_exceptionFlags, softfloat_roundingMode, softfloat_detectTininess;
float32_t f32_add(float32_t, float32_t);
float32_t f32_mul(float32_t, float32_t);
float32_t f32_mulAdd(float32_t, float32_t, float32_t);
bool f32_eq(float32_t, float32_t);
bool f32_lt_quiet(float32_t, float32_t);
bool f32_le_quiet(float32_t, float32_t);
float64_t f32_to_f64(float32_t);
float64_t f64_mulAdd(float64_t, float64_t, float64_t);
float32_t f64_to_f32(float64_t);
bfloat16_t f32_to_bf16(float32_t);
}

namespace {

enum Operation { ADD, SUB, MUL, MADD, MSUB, NMSUB, NMADD, MIN, MAX, EQ, LT, LE };
enum Flag { INVALID = 1, DENORMAL = 2, OVERFLOWS = 4, UNDERFLOWS = 8 };
enum { NEAR_EVEN = 0, TOWARDS_ZERO = 1, AFTER_ROUNDING = 1, INEXACT = 1 };

const uint32_t SIGN = 1u << 31, INFINITE = 0x7F800000, ONE = 0x3F800000;

bool is_nan(float32_t x) { return (x.v & ~SIGN) > INFINITE; }
bool is_subnormal(float32_t x) { return (x.v & INFINITE) == 0 && (x.v & ~SIGN) != 0; }

uint8_t raised() {
    return (softfloat_exceptionFlags & 16 ? INVALID : 0) | (softfloat_exceptionFlags & 4 ? OVERFLOWS : 0)
        | (softfloat_exceptionFlags & 2 ? UNDERFLOWS : 0);
}

// x * y + z to the format's precision. BF16 goes through binary64 and binary32 rounded to odd (towards zero, and the last
// bit set if that lost anything), which leaves the last rounding, and its flags, as if it were the only one.
float32_t fused(bool half, float32_t x, float32_t y, float32_t z) {
    if (!half) return f32_mulAdd(x, y, z);
    softfloat_roundingMode = TOWARDS_ZERO;
    float64_t wide = f64_mulAdd(f32_to_f64(x), f32_to_f64(y), f32_to_f64(z));
    wide.v |= softfloat_exceptionFlags & INEXACT;
    const uint8_t invalid = softfloat_exceptionFlags & 16;
    softfloat_exceptionFlags = 0;
    float32_t odd = f64_to_f32(wide);
    odd.v |= softfloat_exceptionFlags & INEXACT;
    softfloat_roundingMode = NEAR_EVEN;
    softfloat_exceptionFlags = invalid;
    return {uint32_t(f32_to_bf16(odd).v) << 16};
}

float32_t result(unsigned operation, bool half, float32_t a, float32_t b, float32_t c) {
    const float32_t yes = {0xFFFFFFFF}, no = {0}, minus_a = {a.v ^ SIGN}, minus_b = {b.v ^ SIGN}, minus_c = {c.v ^ SIGN};
    const bool less = f32_lt_quiet(a, b) || ((a.v | b.v) == SIGN && a.v == SIGN);
    switch (operation) {
        case ADD: return half ? fused(half, a, {ONE}, b) : f32_add(a, b);
        case SUB: return half ? fused(half, a, {ONE}, minus_b) : f32_add(a, minus_b);
        case MUL: return half ? fused(half, a, b, {(a.v ^ b.v) & SIGN}) : f32_mul(a, b);
        case MADD: return fused(half, a, b, c);
        case MSUB: return fused(half, a, b, minus_c);
        case NMSUB: return fused(half, minus_a, b, c);
        case NMADD: return fused(half, minus_a, b, minus_c);
        case MIN: return is_nan(a) ? b : is_nan(b) || less ? a : b;
        case MAX: return is_nan(a) ? b : is_nan(b) || !less ? a : b;
        case EQ: return f32_eq(a, b) ? yes : no;
        case LT: return f32_lt_quiet(a, b) ? yes : no;
        default: return f32_le_quiet(a, b) ? yes : no;
    }
}

template <typename Bits, unsigned shift>
void all(unsigned operation, size_t count, const Bits* a, const Bits* b, const Bits* c, Bits* o, uint8_t* flags) {
    const bool fuses = operation >= MADD && operation <= NMADD, compares = operation >= EQ;
    softfloat_roundingMode = NEAR_EVEN;
    softfloat_detectTininess = AFTER_ROUNDING;
    for (size_t i = 0; i < count; ++i) {
        const float32_t x = {uint32_t(a[i]) << shift}, y = {uint32_t(b[i]) << shift};
        const float32_t z = {fuses ? uint32_t(c[i]) << shift : 0};
        softfloat_exceptionFlags = 0;
        float32_t r = result(operation, shift != 0, x, y, z);
        if (!compares && is_nan(r)) r.v = 0x7FC00000;
        o[i] = Bits(r.v >> shift);
        // Tesla's rules, not IEEE 754's: a quiet NaN is invalid, too, and there is a flag for subnormal operands.
        const bool nan = is_nan(x) || is_nan(y) || is_nan(z);
        const bool subnormal = is_subnormal(x) || is_subnormal(y) || is_subnormal(z);
        flags[i] = raised() | (nan ? INVALID : 0) | (subnormal ? DENORMAL : 0);
    }
}

}  // namespace

extern "C" void fp32(unsigned operation, size_t count, const uint32_t* a, const uint32_t* b, const uint32_t* c,
                     uint32_t* o, uint8_t* flags) {
    all<uint32_t, 0>(operation, count, a, b, c, o, flags);
}

extern "C" void bf16(unsigned operation, size_t count, const uint16_t* a, const uint16_t* b, const uint16_t* c,
                     uint16_t* o, uint8_t* flags) {
    all<uint16_t, 16>(operation, count, a, b, c, o, flags);
}
