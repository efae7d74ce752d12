// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/sorted_tokens.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <vector>

#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

static_assert(PlacedToken::of(50256, 16383).id() == 50256 && PlacedToken::of(50256, 16383).place() == 16383);
static_assert(PlacedToken::of(3, 0xFFFF'FFFFU).key < PlacedToken::of(4, 0).key, "the id counts first");
static_assert(PlacedToken::of(0x7FFF'FFFF, 0xFFFF'FFFFU).key < PlacedToken::none().key);

TEST_CASE("the pairs of a step hold every place once", "[cuda][embedding]") {
    for (const bool first_step : {true, false}) {
        for (const std::size_t distance : {1U, 2U, 8U}) {
            CAPTURE(first_step, distance);
            std::set<std::size_t> places;
            for (std::size_t i = 0; i < 8; ++i) {
                const Pair pair = Pair::of(i, distance, first_step);
                CHECK(pair.low < pair.high);
                CHECK(pair.high < 16);
                places.insert({pair.low, pair.high});
            }
            CHECK(places.size() == 16);
        }
    }
}

TEST_CASE("tokens are sorted by id, equal ones by place, in every order of the threads", "[cuda][embedding]") {
    for (const auto order : {emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled}) {
        emulator::set_order(order);
        Context context(0);
        for (const std::size_t count : {1U, 2U, 3U, 64U, 1000U, 2048U, 2500U}) {
            CAPTURE(int(order), count);
            std::vector<Token> ids(count);
            for (std::size_t n = 0; n < count; ++n) ids[n] = static_cast<Token>((n * n + 3 * n) % 61 * 800);
            std::vector<std::size_t> expected(count);
            std::iota(expected.begin(), expected.end(), std::size_t{0});
            std::stable_sort(expected.begin(), expected.end(),
                             [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
            const PlacedToken* const sorted = sorted_tokens(context, Rows<const Token, 1>(ids.data(), count));
            std::vector<std::size_t> places(count);
            bool ids_agree = true;
            for (std::size_t i = 0; i < count; ++i) {
                places[i] = sorted[i].place();
                ids_agree = ids_agree && sorted[i].id() == ids[places[i]];
            }
            CHECK(places == expected);
            CHECK(ids_agree);
        }
        CHECK(sorted_tokens(context, Rows<const Token, 1>()) == nullptr);
    }
    emulator::set_order(emulator::Order::forward);
}
