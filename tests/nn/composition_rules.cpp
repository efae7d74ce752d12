// SPDX-License-Identifier: MIT
#include <lamina/nn/composition_rules.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

#include <lamina/nn/activation.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

using namespace lamina;
using namespace lamina::detail;

namespace {

using P = Policies<>;
using Mixed = Policies<precision::MixedBf16>;
using Wide = Linear<3, 4, P>;
using Back = Linear<4, 3, P>;
struct NoLayer {};

template <std::size_t... Index>
consteval Judgement judge_square(std::index_sequence<Index...>) {
    return judge_sequence<Linear<3, (void(Index), 3), P>...>();
}

// A sequence: what is wrong, and with which member.
static_assert(judge_sequence<Wide, Back>().fit == Fit::good);
static_assert(judge_sequence<Wide, Back, Back>().fit == Fit::widths && judge_sequence<Wide, Back, Back>().at == 1);
static_assert(judge_sequence<Wide, NoLayer>().fit == Fit::no_layer && judge_sequence<Wide, NoLayer>().at == 1);
static_assert(judge_sequence<Wide, Linear<4, 3, Mixed>>().fit == Fit::scalars);
static_assert(judge_square(std::make_index_sequence<8>{}).fit == Fit::good);
static_assert(judge_square(std::make_index_sequence<9>{}).fit == Fit::too_many);

static_assert(judge_residual<Linear<3, 3, P>>() == Fit::good);
static_assert(judge_residual<Wide>() == Fit::widths);
static_assert(judge_residual<Named<"x", NoLayer>>() == Fit::no_layer);

static_assert(judge_parallel<Wide, Wide>() == Fit::good);
static_assert(judge_parallel<Wide, Back>() == Fit::widths);
static_assert(judge_parallel<Wide, Linear<3, 4, Mixed>>() == Fit::scalars);
static_assert(judge_parallel<Wide, NoLayer>() == Fit::no_layer);

static_assert(judge_pre_norm<LayerNorm<3, P>, Wide>() == Fit::good);
static_assert(judge_pre_norm<LayerNorm<3, Mixed>, Linear<3, 4, Mixed>>() == Fit::good);
static_assert(judge_pre_norm<LayerNorm<4, P>, Wide>() == Fit::widths);
static_assert(judge_pre_norm<LayerNorm<3, Mixed>, Wide>() == Fit::scalars);
static_assert(judge_pre_norm<NoLayer, Wide>() == Fit::no_layer);

// A mistake that was told is told nowhere else.
using AfterError = StandInLayer<NoLayer, NoLayer, true>;
static_assert(judge_sequence<Back, AfterError>().fit == Fit::stands_in);
static_assert(judge_residual<AfterError>() == Fit::stands_in);

// The parts of a layer come before it, by name alone.
using Norm = LayerNorm<3, P>;
using Branch = Sequential<Named<"up", Wide>, Back>;
static_assert(std::same_as<PartsOf<Residual<PreNorm<Norm, Branch>>>::type,
                           LayerList<Norm, Wide, Named<"up", Wide>, Back, Branch, PreNorm<Norm, Branch>,
                                     Residual<PreNorm<Norm, Branch>>>>);
static_assert(std::same_as<PartsOf<Parallel<NoLayer, Wide>>::type, LayerList<NoLayer, Wide, Parallel<NoLayer, Wide>>>);

}  // namespace
