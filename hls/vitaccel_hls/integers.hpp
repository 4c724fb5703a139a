// Integers of a stated width.
//
// An HLS tool gets ap_int, so a register has the bits that its contract says. Elsewhere a width is kept in the
// narrowest standard type, which is fast; with VITACCEL_CHECK_WIDTHS every value that is stored must fit, so a test
// shows that what an HLS tool cuts off is never there. Arithmetic is on int64_t: a tool finds the width of a product in
// its operands.
#pragma once

#include <cstdint>

#if defined(__SYNTHESIS__) || defined(VITACCEL_AP_INT)

#include <ap_int.h>

namespace vitaccel {

template <int BITS>
using Int = ap_int<BITS>;

template <int BITS>
using UInt = ap_uint<BITS>;

}  // namespace vitaccel

#else

#include <type_traits>

#ifdef VITACCEL_CHECK_WIDTHS
#include <cstdio>
#include <cstdlib>
#endif

namespace vitaccel {

template <int BITS, bool IS_SIGNED>
struct Narrowest {
    static_assert(BITS >= 1 && BITS <= 64, "an integer has 1 to 64 bits");
    template <class SIGNED>
    using As = std::conditional_t<IS_SIGNED, SIGNED, std::make_unsigned_t<SIGNED>>;
    using Type = std::conditional_t<
        (BITS <= 8), As<int8_t>,
        std::conditional_t<(BITS <= 16), As<int16_t>, std::conditional_t<(BITS <= 32), As<int32_t>, As<int64_t>>>>;
};

#ifdef VITACCEL_CHECK_WIDTHS

template <int BITS, bool IS_SIGNED>
class Checked {
  public:
    using Stored = typename Narrowest<BITS, IS_SIGNED>::Type;

    Checked() = default;

    template <class NUMBER, class = std::enable_if_t<std::is_integral_v<NUMBER>>>
    Checked(NUMBER number) : stored(static_cast<Stored>(number)) {
        const bool same = static_cast<NUMBER>(stored) == number && (stored < Stored(0)) == (number < NUMBER(0));
        if (!same || narrowed(stored) != stored) {
            std::fprintf(stderr, "%lld must fit %d bits\n", static_cast<long long>(number), BITS);
            std::abort();
        }
    }

    operator Stored() const { return stored; }

  private:
    static Stored narrowed(Stored number) {
        constexpr int rest = 64 - BITS;
        if (IS_SIGNED)
            return static_cast<Stored>(static_cast<int64_t>(static_cast<uint64_t>(number) << rest) >> rest);
        return static_cast<Stored>(static_cast<uint64_t>(number) << rest >> rest);
    }

    Stored stored;
};

template <int BITS>
using Int = Checked<BITS, true>;

template <int BITS>
using UInt = Checked<BITS, false>;

#else

template <int BITS>
using Int = typename Narrowest<BITS, true>::Type;

template <int BITS>
using UInt = typename Narrowest<BITS, false>::Type;

#endif

}  // namespace vitaccel

#endif
