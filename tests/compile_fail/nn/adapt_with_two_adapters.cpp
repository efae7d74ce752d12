// expect: lamina: adapt: two policies answer the same question; remove one of them
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void adapt_it(Gpt2<tiny> model) {
#ifdef LAMINA_EXPECT_FAILURE
    adapt<adapter::Lora<4>, adapter::FullRank>(std::move(model));
#else
    adapt<adapter::Lora<4>, targets::c_attn>(std::move(model));
#endif
}
