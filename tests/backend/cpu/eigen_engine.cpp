// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/eigen_engine.hpp>

#include <Eigen/Core>

#include <cstddef>

#include "backend/cpu/engine_check.hpp"
#include "support/catch.hpp"

using lamina::cpu::EigenEngine;

TEST_CASE("Eigen's cache sizes are limited once per process") {
    EigenEngine::limit_cache_sizes();
    const std::ptrdiff_t limit = Eigen::l3CacheSize();
    Eigen::setCpuCacheSizes(Eigen::l1CacheSize(), Eigen::l2CacheSize(), limit / 2);
    EigenEngine::limit_cache_sizes();
    CHECK(Eigen::l3CacheSize() == limit / 2);
    Eigen::setCpuCacheSizes(Eigen::l1CacheSize(), Eigen::l2CacheSize(), limit);
}

TEST_CASE("Eigen multiplies floats in every arrangement") { lamina_tests::check_engine<EigenEngine, float>(); }

TEST_CASE("Eigen multiplies doubles in every arrangement") { lamina_tests::check_engine<EigenEngine, double>(); }
