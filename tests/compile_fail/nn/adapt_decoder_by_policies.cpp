// expect: lamina: adapt: policies alone do not tell what a Decoder's layers become; write adapt<Adapted>(std::move(model)) with
// the type that has the adapters
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

template <class P>
using Model = Decoder<tiny, P, Residual<Linear<8, 8, P>>>;

void adapt_it(Model<Policies<>> model) {
#ifdef LAMINA_EXPECT_FAILURE
    adapt<adapter::Lora<4>>(std::move(model));
#else
    adapt<Model<Policies<adapter::Lora<4>>>>(std::move(model));
#endif
}
