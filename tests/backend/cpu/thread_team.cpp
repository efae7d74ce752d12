// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/thread_team.hpp>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using lamina::cpu::ThreadTeam;

TEST_CASE("a thread team has as many threads as it is asked for") {
    CHECK(ThreadTeam(1).size() == 1);
    CHECK(ThreadTeam(5).size() == 5);
    CHECK(ThreadTeam(0).size() >= 1);
}

TEST_CASE("a thread team runs every iteration once") {
    for (const std::size_t threads : {1U, 2U, 7U}) {
        ThreadTeam team(threads);
        for (const std::size_t count : {0U, 1U, 2U, 6U, 1000U}) {
            std::vector<std::atomic<int>> runs(count);
            std::atomic<bool> foreign_worker = false;
            team.for_each(count, [&](std::size_t index, std::size_t worker) {
                ++runs[index];
                if (worker >= team.size()) foreign_worker = true;
            });
            for (const auto& times : runs) REQUIRE(times == 1);
            CHECK_FALSE(foreign_worker);
        }
    }
}

TEST_CASE("a thread team gives no worker number to two threads at a time") {
    ThreadTeam team(3);
    std::vector<std::atomic<int>> inside(team.size());
    std::atomic<bool> shared = false;
    team.for_each(200, [&](std::size_t, std::size_t worker) {
        if (++inside[worker] != 1) shared = true;
        std::this_thread::yield();
        --inside[worker];
    });
    CHECK_FALSE(shared);
}

TEST_CASE("the threads of a team work at the same time") {
    ThreadTeam team(2);
    std::atomic<int> arrived = 0;
    // Each iteration ends only when the other one has begun; a team that ran them in turn would never return.
    team.for_each(2, [&](std::size_t, std::size_t) {
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
    });
    CHECK(arrived == 2);
}

TEST_CASE("parallel_for covers the range without overlap, in pieces no smaller than the grain") {
    for (const std::size_t threads : {1U, 3U}) {
        ThreadTeam team(threads);
        std::vector<std::atomic<int>> covered(1003);
        std::atomic<std::size_t> pieces = 0;
        team.parallel_for(covered.size(), 50, [&](std::size_t first, std::size_t last, std::size_t) {
            ++pieces;
            for (std::size_t i = first; i < last; ++i) ++covered[i];
        });
        for (const auto& times : covered) REQUIRE(times == 1);
        CHECK(pieces <= 1003 / 50 + 1);
        CHECK(pieces >= (threads == 1 ? 1 : threads));
    }
}

TEST_CASE("an exception in any thread of a team reaches the caller, and the team goes on working") {
    ThreadTeam team(4);
    for (int round = 0; round < 20; ++round) {
        const auto throwing = [](std::size_t index, std::size_t) {
            if (index % 10 == 9) throw std::runtime_error("iteration");
        };
        CHECK_THROWS_AS(team.for_each(40, throwing), std::runtime_error);
        std::atomic<int> ran = 0;
        team.for_each(40, [&](std::size_t, std::size_t) { ++ran; });
        REQUIRE(ran == 40);
    }
}

TEST_CASE("a thread team does thousands of short loops one after the other") {
    ThreadTeam team(3);
    std::atomic<std::size_t> sum = 0;
    for (std::size_t round = 0; round < 5000; ++round) {
        team.for_each(3, [&](std::size_t index, std::size_t) { sum += index; });
    }
    CHECK(sum == 15000);
}
