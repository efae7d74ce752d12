// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/engine.hpp>

#include "support/catch.hpp"

#if defined(LAMINA_HAS_ONEDNN) && LAMINA_HAS_ONEDNN
#include <lamina/backend/cpu/onednn_engine.hpp>

#include "backend/cpu/engine_check.hpp"

TEST_CASE("oneDNN multiplies floats in every arrangement") {
    lamina_tests::check_engine<lamina::cpu::OneDnnEngine, float>();
}
#else
TEST_CASE("oneDNN multiplies floats in every arrangement") { LAMINA_SKIP("this build has no oneDNN"); }
#endif
