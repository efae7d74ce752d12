// expect: lamina: merge: the model has no adapters; use it as it is
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny>;
#else
using Model = Gpt2<tiny, adapter::Lora<4>>;
#endif

void merge_it(Model model) { merge(std::move(model)); }
