// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/engine.hpp>

#include <string>
#include <type_traits>

#include "support/catch.hpp"

using lamina::cpu::EigenEngine;
using lamina::cpu::EngineFor;

static_assert(std::is_same_v<EngineFor<double>, EigenEngine>);

TEST_CASE("single precision is multiplied by oneDNN where the build has it") {
#if defined(LAMINA_HAS_ONEDNN) && LAMINA_HAS_ONEDNN
    CHECK(EngineFor<float>::name == std::string("oneDNN"));
#else
    CHECK(EngineFor<float>::name == std::string("Eigen"));
#endif
}
