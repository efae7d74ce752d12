// expect: lamina: adapt: the model is given up for the adapted one; write adapt<...>(std::move(model))
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void adapt_it(Gpt2<tiny> model) {
#ifdef LAMINA_EXPECT_FAILURE
    adapt<adapter::Lora<4>>(model);
#else
    adapt<adapter::Lora<4>>(std::move(model));
#endif
}
