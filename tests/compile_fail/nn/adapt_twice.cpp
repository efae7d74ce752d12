// expect: lamina: adapt: the model has adapters already; merge(std::move(model)) them into its weights first
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, adapter::Lora<2>>;
#else
using Model = Gpt2<tiny>;
#endif

void adapt_it(Model model) { adapt<adapter::Lora<4>>(std::move(model)); }
