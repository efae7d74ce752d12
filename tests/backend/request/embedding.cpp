// SPDX-License-Identifier: MIT
#include <lamina/backend/request/embedding.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

using Ids = Rows<Token, 1>;
using Places = Rows<std::size_t, 1>;
constexpr Extent extent{.batch = 2, .sequence = 3};

using Plain = Embed<float, bf16>;
constexpr Plain at_places{.ids = column<Token>(6),
                          .extent = extent,
                          .token_table = matrix<bf16>(9, 4),
                          .position_table = matrix<bf16>(3, 4),
                          .out = matrix<float>(6, 4),
                          .positions = column<std::size_t>(6)};
static_assert(at_places.flops() == 0);
// A row of the output and of each table for each token.
static_assert(at_places.bytes() == 4 * 24 + 2 * 2 * 24 + 4 * 6 + 8 * 6);
constexpr Plain in_order{.ids = column<Token>(6),
                         .extent = extent,
                         .token_table = matrix<bf16>(9, 4),
                         .position_table = matrix<bf16>(3, 4),
                         .out = matrix<float>(6, 4)};
static_assert(in_order.positions.empty() && in_order.bytes() == at_places.bytes() - 8 * 6);

using Typed = Embed<float, bf16, 4>;
static_assert(MadeOf<Typed, Ids, Extent, Rows<bf16, 4>, Rows<bf16, 4>, Rows<float, 4>, Places>);
static_assert(!MadeOf<Typed, Ids, Extent, Rows<bf16, 3>, Rows<bf16, 4>, Rows<float, 4>, Places>);
static_assert(!MadeOf<Typed, Ids, Extent, Rows<bf16, 4>, Rows<bf16, 3>, Rows<float, 4>, Places>);
static_assert(!MadeOf<Typed, Ids, Extent, Rows<bf16, 4>, Rows<bf16, 4>, Rows<float, 3>, Places>);
static_assert(!MadeOf<Typed, Rows<Token, 2>, Extent, Rows<bf16, 4>, Rows<bf16, 4>, Rows<float, 4>, Places>);
static_assert(!MadeOf<Typed, Ids, Extent, Rows<bf16, 4>, Rows<bf16, 4>, Rows<float, 4>, Rows<std::size_t, 2>>);

constexpr Typed known{.ids = column<Token>(6, 1),
                      .extent = extent,
                      .token_table = typed<bf16, 4>(9, 2),
                      .position_table = typed<bf16, 4>(3, 3),
                      .out = typed<float, 4>(6, 4),
                      .positions = column<std::size_t>(6, 5)};
constexpr auto erased = known.erased();
static_assert(std::is_same_v<decltype(erased), const Plain>);
static_assert(same(erased.ids, known.ids) && erased.extent == extent && same(erased.token_table, known.token_table) &&
              same(erased.position_table, known.position_table) && same(erased.out, known.out) &&
              same(erased.positions, known.positions));

using Backward = EmbedBackward<bf16, float>;
constexpr Backward backward{.ids = column<Token>(6),
                            .extent = extent,
                            .d_out = matrix<bf16>(6, 4),
                            .d_token_table = matrix<float>(9, 4),
                            .d_position_table = matrix<float>(3, 4)};
static_assert(backward.flops() == 0);
// A row of the gradient, and one of each table, which is read and written, for each token.
static_assert(backward.bytes() == 2 * 24 + 4 * 4 * 24 + 4 * 6);

using TypedBackward = EmbedBackward<bf16, float, 4>;
static_assert(MadeOf<TypedBackward, Ids, Extent, Rows<bf16, 4>, Rows<float, 4>, Rows<float, 4>>);
static_assert(!MadeOf<TypedBackward, Ids, Extent, Rows<bf16, 3>, Rows<float, 4>, Rows<float, 4>>);
static_assert(!MadeOf<TypedBackward, Ids, Extent, Rows<bf16, 4>, Rows<float, 3>, Rows<float, 4>>);
static_assert(!MadeOf<TypedBackward, Ids, Extent, Rows<bf16, 4>, Rows<float, 4>, Rows<float, 3>>);

constexpr TypedBackward known_backward{.ids = column<Token>(6, 1),
                                       .extent = extent,
                                       .d_out = typed<bf16, 4>(6, 2),
                                       .d_token_table = typed<float, 4>(9, 3),
                                       .d_position_table = typed<float, 4>(3, 4)};
constexpr auto erased_backward = known_backward.erased();
static_assert(std::is_same_v<decltype(erased_backward), const Backward>);
static_assert(same(erased_backward.ids, known_backward.ids) && erased_backward.extent == extent &&
              same(erased_backward.d_out, known_backward.d_out) &&
              same(erased_backward.d_token_table, known_backward.d_token_table) &&
              same(erased_backward.d_position_table, known_backward.d_position_table));

}  // namespace

TEST_CASE("an embedding needs equal widths, a row per token, and as many positions as tokens", "[request]") {
    STATIC_REQUIRE(accepted(at_places));
    STATIC_REQUIRE(accepted(in_order));
    const std::string widths = "Embed: tables and output of different widths";
    CHECK(off_by_a_column(at_places, &Plain::token_table) == widths);
    CHECK(off_by_a_column(at_places, &Plain::position_table) == widths);
    CHECK(off_by_a_column(at_places, &Plain::out) == widths);
    const std::string rows = "Embed: ids, positions and the output need a row per token";
    CHECK(off_by_a_row(at_places, &Plain::ids) == rows);
    CHECK(off_by_a_row(at_places, &Plain::positions) == rows);
    CHECK(off_by_a_row(at_places, &Plain::out) == rows);
    CHECK(refusal_after(at_places, [](Plain& request) { request.extent = {2, 4}; }) == rows);
    // There may be tokens that never occur, and positions that are not reached.
    CHECK(off_by_a_row(at_places, &Plain::token_table) == "");
    CHECK(refusal_after(at_places, [](Plain& request) { ++request.position_table.rows; }) == "");
    CHECK(refusal_after(at_places, [](Plain& request) { --request.position_table.rows; }) ==
          "Embed: fewer positions than tokens of a sequence");
}

TEST_CASE("the backward of an embedding needs what the embedding needs", "[request]") {
    STATIC_REQUIRE(accepted(backward));
    const std::string rows = "EmbedBackward: ids and d_out need a row per token";
    CHECK(off_by_a_row(backward, &Backward::ids) == rows);
    CHECK(off_by_a_row(backward, &Backward::d_out) == rows);
    CHECK(refusal_after(backward, [](Backward& request) { request.extent = {2, 4}; }) == rows);
    const std::string widths = "EmbedBackward: gradients of different widths";
    CHECK(off_by_a_column(backward, &Backward::d_out) == widths);
    CHECK(off_by_a_column(backward, &Backward::d_token_table) == widths);
    CHECK(off_by_a_column(backward, &Backward::d_position_table) == widths);
    CHECK(off_by_a_row(backward, &Backward::d_token_table) == "");
    CHECK(refusal_after(backward, [](Backward& request) { ++request.d_position_table.rows; }) == "");
    CHECK(refusal_after(backward, [](Backward& request) { --request.d_position_table.rows; }) ==
          "EmbedBackward: fewer positions than tokens of a sequence");
}
