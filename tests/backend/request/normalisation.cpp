// SPDX-License-Identifier: MIT
#include <lamina/backend/request/normalisation.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr Extent extent{.batch = 2, .sequence = 3};
using Each = Rows<float, 1>;

using Moments = RowMoments<bf16>;
constexpr Moments moments{
    .x = matrix<bf16>(3, 4), .mean = column<float>(3), .deviation = column<float>(3), .epsilon = 1e-5};
static_assert(moments.centre == Centre::yes && moments.flops() == 0);
static_assert(moments.bytes() == 2 * 12 + 4 * 3 + 4 * 3);
constexpr Moments means{.x = matrix<bf16>(3, 4), .mean = column<float>(3), .deviation = {}, .epsilon = 1e-5};
static_assert(means.bytes() == 2 * 12 + 4 * 3);

using TypedMoments = RowMoments<bf16, 4>;
static_assert(MadeOf<TypedMoments, Rows<bf16, 4>, Each, Each, double, Centre>);
static_assert(!MadeOf<TypedMoments, Rows<bf16, 3>, Each, Each, double, Centre>);
static_assert(!MadeOf<TypedMoments, Rows<bf16, 4>, Rows<float, 4>, Each, double, Centre>);
static_assert(!MadeOf<TypedMoments, Rows<bf16, 4>, Each, Rows<float, 4>, double, Centre>);
static_assert(!MadeOf<TypedMoments, Rows<bf16, 4>, Rows<bf16, 1>, Each, double, Centre>);  // in compute precision

constexpr TypedMoments typed_moments{.x = typed<bf16, 4>(3, 1),
                                     .mean = column<float>(3, 2),
                                     .deviation = column<float>(3, 3),
                                     .epsilon = 0.25,
                                     .centre = Centre::no};
constexpr auto erased_moments = typed_moments.erased();
static_assert(std::is_same_v<decltype(erased_moments), const Moments>);
static_assert(same(erased_moments.x, typed_moments.x) && same(erased_moments.mean, typed_moments.mean) &&
              same(erased_moments.deviation, typed_moments.deviation) && erased_moments.epsilon == 0.25 &&
              erased_moments.centre == Centre::no);

using Plain = Normalise<float, bf16, bf16>;
constexpr Plain plain{.x = matrix<float>(3, 4),
                      .y = matrix<bf16>(3, 4),
                      .mean = column<float>(3),
                      .divisor = column<float>(3),
                      .gain = matrix<bf16>(1, 4),
                      .bias = matrix<bf16>(1, 4)};
static_assert(plain.flops() == 0);
static_assert(plain.bytes() == 4 * 12 + 2 * 12 + 4 * 3 + 4 * 3 + 2 * 4 + 2 * 4);
constexpr Plain without_bias{.x = matrix<float>(3, 4),
                             .y = matrix<bf16>(3, 4),
                             .mean = column<float>(3),
                             .divisor = column<float>(3),
                             .gain = matrix<bf16>(1, 4)};
static_assert(without_bias.bias.empty() && without_bias.bytes() == plain.bytes() - 2 * 4);

using TypedPlain = Normalise<float, bf16, bf16, 4>;
template <std::size_t X, std::size_t Y, std::size_t Gain, std::size_t Bias>
constexpr bool plain_of =
    MadeOf<TypedPlain, Rows<float, X>, Rows<bf16, Y>, Each, Each, Rows<bf16, Gain>, Rows<bf16, Bias>>;
static_assert(plain_of<4, 4, 4, 4>);
static_assert(!plain_of<3, 4, 4, 4> && !plain_of<4, 3, 4, 4> && !plain_of<4, 4, 3, 4> && !plain_of<4, 4, 4, 3>);

constexpr TypedPlain typed_plain{.x = typed<float, 4>(3, 1),
                                 .y = typed<bf16, 4>(3, 2),
                                 .mean = column<float>(3, 3),
                                 .divisor = column<float>(3, 4),
                                 .gain = typed<bf16, 4>(1, 5),
                                 .bias = typed<bf16, 4>(1, 6)};
constexpr auto erased_plain = typed_plain.erased();
static_assert(std::is_same_v<decltype(erased_plain), const Plain>);
static_assert(same(erased_plain.x, typed_plain.x) && same(erased_plain.y, typed_plain.y) &&
              same(erased_plain.mean, typed_plain.mean) && same(erased_plain.divisor, typed_plain.divisor) &&
              same(erased_plain.gain, typed_plain.gain) && same(erased_plain.bias, typed_plain.bias));

using AtOnce = NormaliseRows<float, bf16, bf16>;
constexpr AtOnce at_once{.x = matrix<float>(3, 4),
                         .y = matrix<bf16>(3, 4),
                         .mean = column<float>(3),
                         .deviation = column<float>(3),
                         .divisor = column<float>(3),
                         .gain = matrix<bf16>(1, 4),
                         .bias = matrix<bf16>(1, 4)};
static_assert(at_once.epsilon == 0 && at_once.centre == Centre::yes && at_once.flops() == 0);
static_assert(at_once.bytes() == 4 * 12 + 2 * 12 + 3 * 4 * 3 + 2 * 4 + 2 * 4);
constexpr AtOnce measured{.x = matrix<float>(3, 4),
                          .y = matrix<bf16>(3, 4),
                          .mean = column<float>(3),
                          .deviation = column<float>(3),
                          .gain = matrix<bf16>(1, 4)};
static_assert(measured.divisor.empty() && measured.bias.empty());
static_assert(measured.bytes() == at_once.bytes() - 4 * 3 - 2 * 4);

using TypedAtOnce = NormaliseRows<float, bf16, bf16, 4>;
template <std::size_t X, std::size_t Y, std::size_t Gain, std::size_t Bias>
constexpr bool at_once_of =
    MadeOf<TypedAtOnce, Rows<float, X>, Rows<bf16, Y>, Each, Each, Each, Rows<bf16, Gain>, Rows<bf16, Bias>>;
static_assert(at_once_of<4, 4, 4, 4>);
static_assert(!at_once_of<3, 4, 4, 4> && !at_once_of<4, 3, 4, 4> && !at_once_of<4, 4, 3, 4> && !at_once_of<4, 4, 4, 3>);

constexpr TypedAtOnce typed_at_once{.x = typed<float, 4>(3, 1),
                                    .y = typed<bf16, 4>(3, 2),
                                    .mean = column<float>(3, 3),
                                    .deviation = column<float>(3, 4),
                                    .divisor = column<float>(3, 5),
                                    .gain = typed<bf16, 4>(1, 6),
                                    .bias = typed<bf16, 4>(1, 7),
                                    .epsilon = 0.25,
                                    .centre = Centre::no};
constexpr auto erased_at_once = typed_at_once.erased();
static_assert(std::is_same_v<decltype(erased_at_once), const AtOnce>);
static_assert(same(erased_at_once.x, typed_at_once.x) && same(erased_at_once.y, typed_at_once.y) &&
              same(erased_at_once.mean, typed_at_once.mean) &&
              same(erased_at_once.deviation, typed_at_once.deviation) &&
              same(erased_at_once.divisor, typed_at_once.divisor) && same(erased_at_once.gain, typed_at_once.gain) &&
              same(erased_at_once.bias, typed_at_once.bias) && erased_at_once.epsilon == 0.25 &&
              erased_at_once.centre == Centre::no);

using Backward = NormaliseBackward<float, bf16, float, bf16>;
constexpr Backward backward{.x = matrix<float>(3, 4),
                            .mean = column<float>(3),
                            .divisor = column<float>(3),
                            .gain = matrix<bf16>(1, 4),
                            .d_y = matrix<bf16>(3, 4),
                            .d_x = matrix<float>(3, 4),
                            .d_gain = matrix<float>(1, 4),
                            .d_bias = matrix<float>(1, 4),
                            .base = matrix<float>(3, 4),
                            .rounded = matrix<bf16>(3, 4)};
static_assert(backward.centre == Centre::yes && backward.statistics == Divisor::live &&
              backward.write == Write::overwrite && backward.flops() == 0);
// The gradients of gain and bias are added to.
static_assert(backward.bytes() ==
              4 * 12 + 4 * 3 + 4 * 3 + 2 * 4 + 2 * 12 + 4 * 12 + 2 * 4 * 4 + 2 * 4 * 4 + 4 * 12 + 2 * 12);
constexpr Backward of_rows{.x = matrix<float>(3, 4),
                           .mean = column<float>(3),
                           .divisor = column<float>(3),
                           .gain = matrix<bf16>(1, 4),
                           .d_y = matrix<bf16>(3, 4),
                           .d_x = matrix<float>(3, 4)};
static_assert(of_rows.d_gain.empty() && of_rows.d_bias.empty() && of_rows.base.empty() && of_rows.rounded.empty());
static_assert(of_rows.bytes() == 4 * 12 + 4 * 3 + 4 * 3 + 2 * 4 + 2 * 12 + 4 * 12);

constexpr Backward with(Divisor statistics, Write write, MatrixView<float> d_gain) {
    Backward request = of_rows;
    request.statistics = statistics;
    request.write = write;
    request.d_gain = d_gain;
    return request;
}
static_assert(with(Divisor::live, Write::accumulate, {}).bytes() == of_rows.bytes() + 4 * 12);
// A constant divisor needs neither the rows nor their means, unless for the gain.
static_assert(with(Divisor::fixed, Write::overwrite, {}).bytes() == of_rows.bytes() - 4 * 12 - 4 * 3);
static_assert(with(Divisor::fixed, Write::overwrite, matrix<float>(1, 4)).bytes() == of_rows.bytes() + 2 * 4 * 4);

using TypedBackward = NormaliseBackward<float, bf16, float, bf16, 4>;
template <std::size_t X, std::size_t Gain, std::size_t DY, std::size_t DX, std::size_t DGain, std::size_t DBias,
          std::size_t Base, std::size_t Rounded>
constexpr bool backward_of =
    MadeOf<TypedBackward, Rows<float, X>, Each, Each, Rows<bf16, Gain>, Rows<bf16, DY>, Rows<float, DX>,
           Rows<float, DGain>, Rows<float, DBias>, Centre, Divisor, Write, Rows<float, Base>, Rows<bf16, Rounded>>;
static_assert(backward_of<4, 4, 4, 4, 4, 4, 4, 4>);
static_assert(!backward_of<3, 4, 4, 4, 4, 4, 4, 4> && !backward_of<4, 3, 4, 4, 4, 4, 4, 4> &&
              !backward_of<4, 4, 3, 4, 4, 4, 4, 4> && !backward_of<4, 4, 4, 3, 4, 4, 4, 4> &&
              !backward_of<4, 4, 4, 4, 3, 4, 4, 4> && !backward_of<4, 4, 4, 4, 4, 3, 4, 4> &&
              !backward_of<4, 4, 4, 4, 4, 4, 3, 4> && !backward_of<4, 4, 4, 4, 4, 4, 4, 3>);

constexpr TypedBackward typed_backward{.x = typed<float, 4>(3, 1),
                                       .mean = column<float>(3, 2),
                                       .divisor = column<float>(3, 3),
                                       .gain = typed<bf16, 4>(1, 4),
                                       .d_y = typed<bf16, 4>(3, 5),
                                       .d_x = typed<float, 4>(3, 6),
                                       .d_gain = typed<float, 4>(1, 7),
                                       .d_bias = typed<float, 4>(1, 8),
                                       .centre = Centre::no,
                                       .statistics = Divisor::fixed,
                                       .write = Write::accumulate,
                                       .base = typed<float, 4>(3, 9),
                                       .rounded = typed<bf16, 4>(3, 10)};
constexpr auto erased_backward = typed_backward.erased();
static_assert(std::is_same_v<decltype(erased_backward), const Backward>);
static_assert(same(erased_backward.x, typed_backward.x) && same(erased_backward.mean, typed_backward.mean) &&
              same(erased_backward.divisor, typed_backward.divisor) &&
              same(erased_backward.gain, typed_backward.gain) && same(erased_backward.d_y, typed_backward.d_y) &&
              same(erased_backward.d_x, typed_backward.d_x) && same(erased_backward.d_gain, typed_backward.d_gain) &&
              same(erased_backward.d_bias, typed_backward.d_bias) && erased_backward.centre == Centre::no &&
              erased_backward.statistics == Divisor::fixed && erased_backward.write == Write::accumulate &&
              same(erased_backward.base, typed_backward.base) && same(erased_backward.rounded, typed_backward.rounded));

using DivisorRequest = DivisorRows<float>;
constexpr DivisorRequest divisors{.ids = column<Token>(6),
                                  .extent = extent,
                                  .divisor = column<float>(6),
                                  .ordinary = 1,
                                  .first_position = 2,
                                  .end_of_text = 3,
                                  .first_end_of_text = 5,
                                  .end_of_text_id = 4,
                                  .positions = column<std::size_t>(6)};
static_assert(divisors.flops() == 0 && divisors.bytes() == 4 * 6 + 4 * 6 + 8 * 6);
static_assert(DivisorRequest{{}, extent, {}, 1, 2, 3, 5, 4}.positions.empty());
// It is what a device sees already, and so is the next.
static_assert(std::is_same_v<decltype(divisors.erased()), const DivisorRequest&> && &divisors.erased() == &divisors);
static_assert(!MadeOf<DivisorRequest, Rows<Token, 2>, Extent, Each> &&
              !MadeOf<DivisorRequest, Rows<Token, 1>, Extent, Rows<float, 2>>);
static_assert(MadeOf<DivisorRequest, Rows<Token, 1>, Extent, Each>);

using Means = MeansOverTokens<float>;
constexpr Means two_means = [] {
    Means request{.extent = extent};
    request.add({column<float>(6), Positions::all, column<double>(1)});
    request.add({column<float>(6), Positions::first, column<double>(1)});
    return request;
}();
static_assert(two_means.flops() == 0 && two_means.bytes() == 2 * (4 * 6 + 8) && Means{.extent = extent}.bytes() == 0);
static_assert(std::is_same_v<decltype(two_means.erased()), const Means&> && &two_means.erased() == &two_means);
static_assert(!two_means.full() && sizeof(Means) <= 4096);  // the arguments of a kernel

using Penalty = DeviationPenaltyBackward<float>;
constexpr Penalty penalty{.x = matrix<float>(3, 4),
                          .mean = column<float>(3),
                          .deviation = column<float>(3),
                          .d_x = matrix<float>(3, 4),
                          .target = 1,
                          .scale = 1};
static_assert(penalty.flops() == 0 && penalty.bytes() == 4 * 12 + 4 * 3 + 4 * 3 + 2 * 4 * 12);

using TypedPenalty = DeviationPenaltyBackward<float, 4>;
static_assert(MadeOf<TypedPenalty, Rows<float, 4>, Each, Each, Rows<float, 4>, double, double>);
static_assert(!MadeOf<TypedPenalty, Rows<float, 3>, Each, Each, Rows<float, 4>, double, double>);
static_assert(!MadeOf<TypedPenalty, Rows<float, 4>, Each, Each, Rows<float, 3>, double, double>);

constexpr TypedPenalty typed_penalty{.x = typed<float, 4>(3, 1),
                                     .mean = column<float>(3, 2),
                                     .deviation = column<float>(3, 3),
                                     .d_x = typed<float, 4>(3, 4),
                                     .target = 0.25,
                                     .scale = 0.5};
constexpr auto erased_penalty = typed_penalty.erased();
static_assert(std::is_same_v<decltype(erased_penalty), const Penalty>);
static_assert(same(erased_penalty.x, typed_penalty.x) && same(erased_penalty.mean, typed_penalty.mean) &&
              same(erased_penalty.deviation, typed_penalty.deviation) && same(erased_penalty.d_x, typed_penalty.d_x) &&
              erased_penalty.target == 0.25 && erased_penalty.scale == 0.5);

}  // namespace

TEST_CASE("moments need a place for each row", "[request]") {
    STATIC_REQUIRE(accepted(moments));
    STATIC_REQUIRE(accepted(two_means));
    const std::string numbers = "RowMoments: mean and deviation need a number per row of x";
    CHECK(off_by_a_row(moments, &Moments::x) == numbers);
    CHECK(off_by_a_row(moments, &Moments::mean) == numbers);
    CHECK(off_by_a_row(moments, &Moments::deviation) == numbers);
    CHECK(refusal_after(moments, [](Moments& request) { request.mean = {}; }) == numbers);
}

TEST_CASE("normalising needs a statistic for each row and a weight for each column", "[request]") {
    STATIC_REQUIRE(accepted(plain));
    STATIC_REQUIRE(accepted(without_bias));
    const std::string shapes = "Normalise: input and output of different shapes";
    CHECK(off_by_a_row(plain, &Plain::x) == shapes);
    CHECK(off_by_a_column(plain, &Plain::x) == shapes);
    CHECK(off_by_a_row(plain, &Plain::y) == shapes);
    CHECK(off_by_a_column(plain, &Plain::y) == shapes);
    const std::string rows = "Normalise: mean and divisor need a number per row of x";
    CHECK(off_by_a_row(plain, &Plain::mean) == rows);
    CHECK(off_by_a_row(plain, &Plain::divisor) == rows);
    const std::string columns = "Normalise: gain and bias need a number per column of x";
    CHECK(off_by_a_row(plain, &Plain::gain) == columns);
    CHECK(off_by_a_column(plain, &Plain::gain) == columns);
    CHECK(off_by_a_row(plain, &Plain::bias) == columns);
    CHECK(off_by_a_column(plain, &Plain::bias) == columns);
    CHECK(refusal_after(plain, [](Plain& request) { request.gain = {}; }) == columns);
}

TEST_CASE("measuring and normalising at once needs the same, and a divisor from somewhere", "[request]") {
    STATIC_REQUIRE(accepted(at_once));
    STATIC_REQUIRE(accepted(measured));
    CHECK(refusal_after(at_once, [](AtOnce& request) { request.deviation = {}; }) == "");
    CHECK(refusal_after(measured, [](AtOnce& request) { request.deviation = {}; }) ==
          "NormaliseRows: a deviation to be written or a divisor to be used");
    const std::string shapes = "NormaliseRows: input and output of different shapes";
    CHECK(off_by_a_row(at_once, &AtOnce::x) == shapes);
    CHECK(off_by_a_column(at_once, &AtOnce::x) == shapes);
    CHECK(off_by_a_row(at_once, &AtOnce::y) == shapes);
    CHECK(off_by_a_column(at_once, &AtOnce::y) == shapes);
    const std::string rows = "NormaliseRows: mean, deviation and divisor need a number per row of x";
    CHECK(off_by_a_row(at_once, &AtOnce::mean) == rows);
    CHECK(off_by_a_row(at_once, &AtOnce::deviation) == rows);
    CHECK(off_by_a_row(at_once, &AtOnce::divisor) == rows);
    const std::string columns = "NormaliseRows: gain and bias need a number per column of x";
    CHECK(off_by_a_row(at_once, &AtOnce::gain) == columns);
    CHECK(off_by_a_column(at_once, &AtOnce::gain) == columns);
    CHECK(off_by_a_row(at_once, &AtOnce::bias) == columns);
    CHECK(off_by_a_column(at_once, &AtOnce::bias) == columns);
}

TEST_CASE("the backward of normalising needs gradients of the shapes of what they belong to", "[request]") {
    STATIC_REQUIRE(accepted(backward));
    STATIC_REQUIRE(accepted(of_rows));
    const std::string shapes = "NormaliseBackward: input and gradient of different shapes";
    CHECK(off_by_a_row(backward, &Backward::x) == shapes);
    CHECK(off_by_a_column(backward, &Backward::x) == shapes);
    CHECK(off_by_a_row(backward, &Backward::d_y) == shapes);
    CHECK(off_by_a_column(backward, &Backward::d_y) == shapes);
    const std::string results =
        "NormaliseBackward: the gradient of the input, or its base, of another shape than the input";
    CHECK(off_by_a_row(backward, &Backward::d_x) == results);
    CHECK(off_by_a_column(backward, &Backward::d_x) == results);
    CHECK(off_by_a_row(backward, &Backward::base) == results);
    CHECK(off_by_a_column(backward, &Backward::base) == results);
    const std::string rounded = "NormaliseBackward: a rounded gradient without d_x, or of another shape";
    CHECK(off_by_a_row(backward, &Backward::rounded) == rounded);
    CHECK(off_by_a_column(backward, &Backward::rounded) == rounded);
    CHECK(refusal_after(backward, [](Backward& request) { request.d_x = {}; }) == rounded);
    CHECK(refusal_after(backward, [](Backward& request) {
              request.d_x = {};
              request.rounded = {};
          }) == "");
    const std::string rows = "NormaliseBackward: mean and divisor need a number per row of x";
    CHECK(off_by_a_row(backward, &Backward::mean) == rows);
    CHECK(off_by_a_row(backward, &Backward::divisor) == rows);
    const std::string columns = "NormaliseBackward: gain, d_gain and d_bias need a number per column of x";
    CHECK(off_by_a_row(backward, &Backward::gain) == columns);
    CHECK(off_by_a_column(backward, &Backward::gain) == columns);
    CHECK(off_by_a_row(backward, &Backward::d_gain) == columns);
    CHECK(off_by_a_column(backward, &Backward::d_gain) == columns);
    CHECK(off_by_a_row(backward, &Backward::d_bias) == columns);
    CHECK(off_by_a_column(backward, &Backward::d_bias) == columns);
}

TEST_CASE("divisors and means need a number per token", "[request]") {
    STATIC_REQUIRE(accepted(divisors));
    const std::string numbers = "DivisorRows: ids, divisor and positions need a number per token";
    CHECK(off_by_a_row(divisors, &DivisorRequest::ids) == numbers);
    CHECK(off_by_a_row(divisors, &DivisorRequest::divisor) == numbers);
    CHECK(off_by_a_row(divisors, &DivisorRequest::positions) == numbers);
    CHECK(refusal_after(divisors, [](DivisorRequest& request) { request.extent = {3, 3}; }) == numbers);

    STATIC_REQUIRE(accepted(two_means));
    CHECK(refusal_after(two_means, [](Means& request) { request.means[1].values.rows = 5; }) ==
          "MeansOverTokens: values need a number per token");
    CHECK(refusal_after(two_means, [](Means& request) { request.means[1].mean.rows = 2; }) ==
          "MeansOverTokens: the mean is one number");
    CHECK(refusal_after(two_means, [](Means& request) { request.count = Means::most + 1; }) ==
          "MeansOverTokens: more means than there is room for");
}

TEST_CASE("the penalty on deviations needs a gradient of the input's shape and statistics per row", "[request]") {
    STATIC_REQUIRE(accepted(penalty));
    const std::string shapes = "DeviationPenaltyBackward: input and gradient of different shapes";
    CHECK(off_by_a_row(penalty, &Penalty::x) == shapes);
    CHECK(off_by_a_column(penalty, &Penalty::x) == shapes);
    CHECK(off_by_a_row(penalty, &Penalty::d_x) == shapes);
    CHECK(off_by_a_column(penalty, &Penalty::d_x) == shapes);
    const std::string rows = "DeviationPenaltyBackward: mean and deviation need a number per row of x";
    CHECK(off_by_a_row(penalty, &Penalty::mean) == rows);
    CHECK(off_by_a_row(penalty, &Penalty::deviation) == rows);
}
