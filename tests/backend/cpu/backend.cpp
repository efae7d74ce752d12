// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/backend.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <type_traits>

using lamina::CpuBackend;

namespace {

static_assert(lamina::Backend<CpuBackend>);
static_assert(!std::is_copy_constructible_v<CpuBackend> && !std::is_copy_assignable_v<CpuBackend>);
static_assert(std::is_default_constructible_v<CpuBackend>);

}  // namespace

TEST_CASE("a CPU backend has the threads it was asked for, by default one per core") {
    CHECK(CpuBackend({.threads = 3}).threads() == 3);
    CHECK(CpuBackend().threads() == std::max(1U, std::thread::hardware_concurrency()));
}

TEST_CASE("a CPU backend describes its threads and who multiplies") {
    const std::string one = CpuBackend({.threads = 1}).description();
    const std::string two = CpuBackend({.threads = 2}).description();
    CHECK_THAT(one, Catch::Matchers::ContainsSubstring("1 thread,"));
    CHECK_THAT(two, Catch::Matchers::ContainsSubstring("2 threads,"));
#if defined(LAMINA_HAS_ONEDNN) && LAMINA_HAS_ONEDNN
    CHECK_THAT(one, Catch::Matchers::ContainsSubstring("float products by oneDNN, double by Eigen"));
#else
    CHECK_THAT(one, Catch::Matchers::ContainsSubstring("float products by Eigen, double by Eigen"));
#endif
    CHECK(one.find('\n') == std::string::npos);
}

TEST_CASE("a CPU backend copies between any memory of its own") {
    CpuBackend backend({.threads = 1});
    const auto one = backend.allocate(3);
    const auto other = backend.allocate_host(3);
    one.data()[2] = std::byte{7};
    backend.copy(other.data(), one.data(), 3);
    CHECK(other.data()[2] == std::byte{7});
    CHECK(other.data() != one.data());
}

TEST_CASE("copying no bytes needs no addresses") {
    CpuBackend backend({.threads = 1});
    CHECK_NOTHROW(backend.upload(nullptr, nullptr, 0));
    CHECK_NOTHROW(backend.download(nullptr, nullptr, 0));
}
