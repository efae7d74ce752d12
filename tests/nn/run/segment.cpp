// SPDX-License-Identifier: MIT
#include <lamina/nn/run/segment.hpp>

#include <type_traits>

namespace {

using namespace lamina;

// By default the beginning of a sequence, nothing of which is kept.
static_assert(Segment{}.prefix.length == 0 && !Segment{}.store_at.has_value());
// Lists of them are copied and grown freely.
static_assert(std::is_trivially_copyable_v<Segment> && std::is_trivially_copyable_v<WantedToken>);

}  // namespace
