// SPDX-License-Identifier: MIT
#include <lamina/backend/request/elementwise.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <tuple>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

struct Scaled {
    double factor;

    template <class... T>
    constexpr auto operator()(T... x) const {
        return (x + ...);
    }
};
using Indices = Rows<const std::size_t, 1>;

// Made of views whose widths are known, unknown, or both; refused where two known ones differ.
template <class Out, class In>
concept Converts = requires(Out out, In in) {
    Convert(out, in);
};
static_assert(Converts<Rows<bf16, 4>, Rows<const float, 4>> && Converts<MatrixView<bf16>, Rows<float, 4>>);
static_assert(Converts<Rows<bf16, 4>, MatrixView<float>> && Converts<MatrixView<bf16>, MatrixView<float>>);
static_assert(!Converts<Rows<bf16, 4>, Rows<float, 3>>);

template <class Out, class... In>
concept Maps = requires(Out out, In... in) {
    Map(out, Scaled{1}, in...);
};
static_assert(Maps<Rows<float, 4>, Rows<const float, 4>, Rows<bf16, 4>> && Maps<Rows<float, 4>, MatrixView<float>>);
static_assert(Maps<MatrixView<float>, Rows<float, 4>, Rows<bf16, 4>>);
static_assert(!Maps<Rows<float, 4>, Rows<float, 3>> && !Maps<Rows<float, 4>, Rows<float, 4>, Rows<float, 5>>);

template <class Out, class... In>
concept SumsRows = requires(Out out, In... in) {
    SumRows(out, Write::overwrite, Scaled{1}, in...);
};
static_assert(SumsRows<Rows<float, 4>, Rows<const float, 4>, Rows<bf16, 4>>);
static_assert(SumsRows<MatrixView<float>, Rows<float, 4>> && SumsRows<Rows<float, 4>, MatrixView<float>>);
static_assert(!SumsRows<Rows<float, 4>, Rows<float, 3>> && !SumsRows<Rows<float, 4>, Rows<float, 4>, Rows<float, 5>>);

template <class Out, class In, class Which>
concept Gathers = requires(Out out, In in, Which rows) {
    GatherRows(out, in, rows);
};
template <class Out, class In, class Which>
concept Scatters = requires(Out out, In in, Which rows) {
    ScatterRows(out, in, rows);
};
static_assert(Gathers<Rows<float, 4>, Rows<const float, 4>, Indices> &&
              Gathers<MatrixView<float>, Rows<float, 4>, Rows<std::size_t, 1>>);
static_assert(!Gathers<Rows<float, 4>, Rows<float, 3>, Indices> &&
              !Gathers<Rows<float, 4>, Rows<float, 4>, Rows<std::size_t, 2>>);
static_assert(Scatters<Rows<float, 4>, Rows<const float, 4>, Indices> &&
              Scatters<MatrixView<float>, Rows<float, 4>, Rows<std::size_t, 1>>);
static_assert(!Scatters<Rows<float, 4>, Rows<float, 3>, Indices> &&
              !Scatters<Rows<float, 4>, Rows<float, 4>, Rows<std::size_t, 2>>);

// What is made is one type for all widths, and it is all that devices see.
static_assert(std::is_same_v<decltype(Fill(typed<bf16, 4>(3), 1.0)), Fill<bf16>>);
static_assert(
    std::is_same_v<decltype(Convert(typed<bf16, 4>(3), typed<float, 4>(3).read_only())), Convert<bf16, float>>);
static_assert(std::is_same_v<decltype(Map(typed<float, 4>(3), Scaled{1}, typed<bf16, 4>(3).read_only())),
                             Map<float, Scaled, bf16>>);
static_assert(std::is_same_v<decltype(SumRows(typed<float, 4>(1), Write::overwrite, Scaled{1}, typed<bf16, 4>(3))),
                             SumRows<float, Scaled, bf16>>);
static_assert(std::is_same_v<decltype(GatherRows(typed<float, 4>(3), typed<bf16, 4>(9).read_only(), Indices{})),
                             GatherRows<float, bf16>>);
static_assert(std::is_same_v<decltype(ScatterRows(typed<float, 4>(9), typed<bf16, 4>(3).read_only(), Indices{})),
                             ScatterRows<float, bf16>>);
static_assert(std::is_same_v<decltype(SumOfSquares(typed<bf16, 4>(3).read_only())), SumOfSquares<bf16>>);
static_assert(!std::is_convertible_v<MatrixView<float>, SumOfSquares<float>>);

constexpr Fill fill(typed<bf16, 4>(3, 1), 0.1);
static_assert(same(fill.erased().out, typed<bf16, 4>(3, 1)) && fill.erased().value == 0.1);
static_assert(fill.flops() == 0 && fill.bytes() == 2 * 12);

constexpr Convert conversion(typed<bf16, 4>(3, 1), typed<float, 4>(3, 2));
static_assert(same(conversion.erased().out, typed<bf16, 4>(3, 1)) &&
              same(conversion.erased().in, typed<float, 4>(3, 2)));
static_assert(conversion.flops() == 0 && conversion.bytes() == 2 * 12 + 4 * 12);

constexpr Map map(typed<float, 4>(3, 1), Scaled{0.5}, typed<bf16, 4>(3, 2), typed<double, 4>(3, 3));
static_assert(same(map.erased().out, typed<float, 4>(3, 1)) && map.erased().f.factor == 0.5 &&
              same(std::get<0>(map.erased().in), typed<bf16, 4>(3, 2)) &&
              same(std::get<1>(map.erased().in), typed<double, 4>(3, 3)));
static_assert(map.flops() == 0 && map.bytes() == (4 + 2 + 8) * 12);

constexpr SumRows sum(typed<float, 4>(1, 1), Write::overwrite, Scaled{0.5}, typed<bf16, 4>(3, 2),
                      typed<double, 4>(3, 3));
static_assert(same(sum.erased().out, typed<float, 4>(1, 1)) && sum.erased().write == Write::overwrite &&
              sum.erased().f.factor == 0.5 && same(std::get<0>(sum.erased().in), typed<bf16, 4>(3, 2)) &&
              same(std::get<1>(sum.erased().in), typed<double, 4>(3, 3)));
static_assert(sum.flops() == 0 && sum.bytes() == 4 * 4 + (2 + 8) * 12);
constexpr SumRows added(typed<float, 4>(1), Write::accumulate, Scaled{0.5}, typed<bf16, 4>(3));
static_assert(added.bytes() == 2 * 4 * 4 + 2 * 12);  // what it adds to is read

constexpr GatherRows gather(typed<bf16, 4>(3, 1), typed<float, 4>(9, 2), column<std::size_t>(3, 3));
static_assert(same(gather.erased().out, typed<bf16, 4>(3, 1)) && same(gather.erased().in, typed<float, 4>(9, 2)) &&
              same(gather.erased().rows, column<std::size_t>(3, 3)));
static_assert(gather.flops() == 0 && gather.bytes() == (2 + 4) * 12 + 8 * 3);

constexpr ScatterRows scatter(typed<bf16, 4>(9, 1), typed<float, 4>(3, 2), column<std::size_t>(3, 3));
static_assert(same(scatter.erased().out, typed<bf16, 4>(9, 1)) && same(scatter.erased().in, typed<float, 4>(3, 2)) &&
              same(scatter.erased().rows, column<std::size_t>(3, 3)));
static_assert(scatter.flops() == 0 && scatter.bytes() == (2 + 4) * 12 + 8 * 3);

constexpr SumOfSquares squares(typed<bf16, 4>(3, 1));
static_assert(same(squares.erased().of, typed<bf16, 4>(3, 1)));
static_assert(squares.flops() == 0 && squares.bytes() == 2 * 12);

}  // namespace

TEST_CASE("what needs one view fits always", "[request]") {
    STATIC_REQUIRE(accepted(fill));
    STATIC_REQUIRE(accepted(squares));
}

TEST_CASE("a conversion and a function of elements refuse operands of different shapes", "[request]") {
    STATIC_REQUIRE(accepted(conversion));
    const std::string different = "Convert: operands of different shapes";
    CHECK(off_by_a_row(conversion, &Convert<bf16, float>::out) == different);
    CHECK(off_by_a_column(conversion, &Convert<bf16, float>::out) == different);
    CHECK(off_by_a_row(conversion, &Convert<bf16, float>::in) == different);
    CHECK(off_by_a_column(conversion, &Convert<bf16, float>::in) == different);

    STATIC_REQUIRE(accepted(map));
    const std::string differs = "Map: operands of different shapes";
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return r.out.rows; }) == differs);
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return r.out.cols; }) == differs);
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return std::get<0>(r.in).rows; }) == differs);
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return std::get<0>(r.in).cols; }) == differs);
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return std::get<1>(r.in).rows; }) == differs);
    CHECK(refusal_off_by_one(
              map, [](auto& r) -> auto& { return std::get<1>(r.in).cols; }) == differs);
}

TEST_CASE("a sum over rows refuses more than one row for the result, and operands that differ", "[request]") {
    STATIC_REQUIRE(accepted(sum));
    STATIC_REQUIRE(accepted(added));
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return r.out.rows; }) == "SumRows: the output must have one row");
    const std::string widths = "SumRows: operands of different widths";
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return r.out.cols; }) == widths);
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return std::get<0>(r.in).cols; }) == widths);
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return std::get<1>(r.in).cols; }) == widths);
    const std::string heights = "SumRows: operands of different heights";
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return std::get<0>(r.in).rows; }) == heights);
    CHECK(refusal_off_by_one(
              sum, [](auto& r) -> auto& { return std::get<1>(r.in).rows; }) == heights);
}

TEST_CASE("copies of chosen rows need equal widths and an index for each row", "[request]") {
    using Gather = GatherRows<bf16, float>;
    STATIC_REQUIRE(accepted(gather));
    CHECK(off_by_a_column(gather, &Gather::out) == "GatherRows: operands of different widths");
    CHECK(off_by_a_column(gather, &Gather::in) == "GatherRows: operands of different widths");
    CHECK(off_by_a_row(gather, &Gather::out) == "GatherRows: the output needs a row per index");
    CHECK(off_by_a_row(gather, &Gather::rows) == "GatherRows: the output needs a row per index");

    using Scatter = ScatterRows<bf16, float>;
    STATIC_REQUIRE(accepted(scatter));
    CHECK(off_by_a_column(scatter, &Scatter::out) == "ScatterRows: operands of different widths");
    CHECK(off_by_a_column(scatter, &Scatter::in) == "ScatterRows: operands of different widths");
    CHECK(off_by_a_row(scatter, &Scatter::in) == "ScatterRows: the input needs a row per index");
    CHECK(off_by_a_row(scatter, &Scatter::rows) == "ScatterRows: the input needs a row per index");
}
