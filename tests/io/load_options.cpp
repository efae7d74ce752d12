// SPDX-License-Identifier: MIT
#include <lamina/io/load_options.hpp>

#include "support/catch.hpp"

using namespace lamina::io;

TEST_CASE("by default a loader refuses what is not finite, ignores other heads, and tells nobody") {
    const LoadOptions options;
    CHECK(options.non_finite == NonFinite::refuse);
    CHECK(options.others == OtherTensors::ignore);
    CHECK_FALSE(options.warn);
}
