// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/openmp.hpp>

#include <type_traits>

#include "support/catch.hpp"

using lamina::cpu::OneOpenMpThread;

static_assert(!std::is_copy_constructible_v<OneOpenMpThread>);

TEST_CASE("OpenMP is limited to one thread for a while, and then as before") {
    if (lamina::cpu::detail::openmp_threads == nullptr) LAMINA_SKIP("this program is linked without OpenMP");
    const int before = lamina::cpu::detail::openmp_threads();
    lamina::cpu::detail::openmp_set_threads(3);
    {
        const OneOpenMpThread single;
        CHECK(lamina::cpu::detail::openmp_threads() == 1);
        {
            const OneOpenMpThread nested;
            CHECK(lamina::cpu::detail::openmp_threads() == 1);
        }
        CHECK(lamina::cpu::detail::openmp_threads() == 1);
    }
    CHECK(lamina::cpu::detail::openmp_threads() == 3);
    lamina::cpu::detail::openmp_set_threads(before);
}
