// expect: lamina: adapt: no adapter is named; write adapt<adapter::Lora<4>>(std::move(model))
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void adapt_it(Gpt2<tiny> model) {
#ifdef LAMINA_EXPECT_FAILURE
    adapt<execution::Split>(std::move(model));
#else
    adapt<execution::Split, adapter::Lora<4>>(std::move(model));
#endif
}
