// SPDX-License-Identifier: MIT
#include <lamina/backend/request/training.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

using Loss = SoftmaxCrossEntropy<float, bf16>;
constexpr Loss apart{.logits = matrix<float>(3, 5),
                     .targets = column<Token>(3),
                     .losses = column<float>(3),
                     .d_logits = matrix<bf16>(3, 5)};
static_assert(apart.scale == 1 && apart.logits_after == Logits::become_gradient && apart.flops() == 0);
static_assert(apart.bytes() == 4 * 15 + 2 * 15 + 4 * 3 + 4 * 3);
constexpr Loss in_place{.logits = matrix<float>(3, 5), .targets = column<Token>(3), .losses = column<float>(3)};
static_assert(in_place.d_logits.empty());
static_assert(in_place.bytes() == 2 * 4 * 15 + 4 * 3 + 4 * 3);
constexpr Loss forward{.logits = matrix<float>(3, 5),
                       .targets = column<Token>(3),
                       .losses = column<float>(3),
                       .logits_after = Logits::keep};
static_assert(forward.bytes() == 4 * 15 + 4 * 3 + 4 * 3);
constexpr Loss untouched{.logits = matrix<float>(3, 5),
                         .targets = column<Token>(3),
                         .losses = column<float>(3),
                         .logits_after = Logits::keep,
                         .d_logits = matrix<bf16>(3, 5)};
static_assert(untouched.bytes() == forward.bytes());  // kept logits have no gradient to be written

// It is what a device sees already.
static_assert(std::is_same_v<decltype(apart.erased()), const Loss&> && &apart.erased() == &apart);

static_assert(MadeOf<Loss, MatrixView<float>, Rows<Token, 1>, Rows<float, 1>, double, Logits, MatrixView<bf16>>);
static_assert(MadeOf<Loss, Rows<float, 5>, Rows<Token, 1>, Rows<float, 1>>);
static_assert(!MadeOf<Loss, Rows<float, 5>, Rows<Token, 2>, Rows<float, 1>>);
static_assert(!MadeOf<Loss, Rows<float, 5>, Rows<Token, 1>, Rows<float, 2>>);

using Update = AdamWUpdate<bf16, float, double>;
constexpr Update update{.parameter = matrix<bf16>(3, 4),
                        .gradient = matrix<float>(3, 4),
                        .first_moment = matrix<double>(3, 4),
                        .second_moment = matrix<double>(3, 4),
                        .rate = 1e-3,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8,
                        .decay = 0.1,
                        .gradient_scale = 1,
                        .update = 1};
static_assert(update.flops() == 0);
static_assert(update.bytes() == 4 * 12 + 2 * (2 + 8 + 8) * 12);  // all but the gradient are read and written
static_assert(std::is_same_v<decltype(update.erased()), const Update&> && &update.erased() == &update);

}  // namespace

TEST_CASE("a loss needs a target and a place per row, and a gradient for each logit", "[request]") {
    for (const Loss& fits : {apart, in_place, forward}) CHECK(refusal(fits) == "");
    const std::string numbers = "SoftmaxCrossEntropy: targets and losses need a number per row of logits";
    CHECK(off_by_a_row(apart, &Loss::targets) == numbers);
    CHECK(off_by_a_row(apart, &Loss::losses) == numbers);
    CHECK(off_by_a_row(in_place, &Loss::logits) == numbers);
    CHECK(off_by_a_column(in_place, &Loss::logits) == "");  // any vocabulary
    const std::string gradient =
        "SoftmaxCrossEntropy: d_logits of another number of rows, or of fewer columns, than the logits";
    CHECK(off_by_a_row(apart, &Loss::logits) == gradient);
    CHECK(off_by_a_row(apart, &Loss::d_logits) == gradient);
    CHECK(off_by_a_column(apart, &Loss::d_logits) == " | " + gradient);  // one column less: more are zeros
}

TEST_CASE("an update needs four tensors of one shape, without gaps", "[request]") {
    STATIC_REQUIRE(accepted(update));
    const std::string shapes = "AdamWUpdate: parameter, gradient and moments of different shapes";
    CHECK(off_by_a_row(update, &Update::parameter) == shapes);
    CHECK(off_by_a_column(update, &Update::parameter) == shapes);
    CHECK(off_by_a_row(update, &Update::gradient) == shapes);
    CHECK(off_by_a_column(update, &Update::gradient) == shapes);
    CHECK(off_by_a_row(update, &Update::first_moment) == shapes);
    CHECK(off_by_a_column(update, &Update::first_moment) == shapes);
    CHECK(off_by_a_row(update, &Update::second_moment) == shapes);
    CHECK(off_by_a_column(update, &Update::second_moment) == shapes);
    const std::string gaps = "AdamWUpdate: a view with gaps between its rows";
    CHECK(refusal_after(update, [](Update& request) { request.parameter.stride = 5; }) == gaps);
    CHECK(refusal_after(update, [](Update& request) { request.gradient.stride = 5; }) == gaps);
    CHECK(refusal_after(update, [](Update& request) { request.first_moment.stride = 5; }) == gaps);
    CHECK(refusal_after(update, [](Update& request) { request.second_moment.stride = 5; }) == gaps);
}
