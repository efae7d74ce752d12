// expect: lamina: adapt: a policy says more than how the model is adapted and trains; leave out norm::, head:: and device::,
// which stay the model's own
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void adapt_it(Gpt2<tiny> model) {
#ifdef LAMINA_EXPECT_FAILURE
    adapt<adapter::Lora<4>, head::Untied>(std::move(model));
#else
    adapt<adapter::Lora<4>, trainable::Everything>(std::move(model));
#endif
}
