// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/eigen_engine.hpp>

#include "backend/cpu/engine_check.hpp"
#include "support/catch.hpp"

using lamina::cpu::EigenEngine;

TEST_CASE("Eigen multiplies floats in every arrangement") { lamina_tests::check_engine<EigenEngine, float>(); }

TEST_CASE("Eigen multiplies doubles in every arrangement") { lamina_tests::check_engine<EigenEngine, double>(); }
