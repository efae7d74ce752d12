// SPDX-License-Identifier: MIT
#include <lamina/nn/stand_in.hpp>

#include <concepts>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/train/adamw.hpp>

using namespace lamina;

namespace {

using P = Policies<>;
struct NoLayer {};

// After a layer, and after what tells neither width nor scalar.
using AfterLayers = detail::StandInLayer<Linear<3, 4, P>, Linear<4, 5, Policies<precision::MixedBf16>>, true>;
using AfterNothing = detail::StandInLayer<NoLayer, NoLayer, true>;
static_assert(Layer<AfterLayers> && Layer<AfterNothing>);
static_assert(AfterLayers::in == 3 && AfterLayers::out == 5);
static_assert(std::same_as<InScalarOf<AfterLayers>, float> && std::same_as<OutScalarOf<AfterLayers>, bf16>);
static_assert(detail::StandsIn<AfterLayers> && detail::StandsIn<Named<"x", AfterLayers>>);
static_assert(!detail::StandsIn<NoLayer> && !detail::StandsIn<Linear<3, 4, P>>);

// What is made of it stands in, too, without a word.
static_assert(detail::StandsIn<Residual<AfterNothing>>);
static_assert(detail::StandsIn<Sequential<Linear<9, 9, P>, AfterNothing>>);
static_assert(detail::StandsIn<Sequential<AfterNothing>>);
static_assert(detail::StandsIn<Parallel<AfterNothing, Linear<9, 9, P>>>);
static_assert(detail::StandsIn<PreNorm<LayerNorm<9, P>, Named<"x", AfterNothing>>>);
constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Rejected = Decoder<tiny, P, Residual<AfterNothing>>;
static_assert(detail::StandsIn<Rejected>);

// A model that stands in is one, and is made on any backend.
static_assert(LanguageModel<Rejected>);
static_assert(Rejected::architecture == tiny);
static_assert(std::constructible_from<Rejected, CpuBackend&> && std::constructible_from<Rejected, NoLayer&>);
static_assert(std::constructible_from<train::AdamW<Rejected>, Gpt2<tiny>&>);
static_assert(!detail::StandsIn<Gpt2<tiny>>);

// As is a backend.
static_assert(Backend<detail::NoBackendSeeFirstError<true>>);

}  // namespace
