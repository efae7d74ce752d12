// expect: lamina: merge: the model is given up for the merged one; write merge(std::move(model))
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void merge_it(Gpt2<tiny, adapter::Lora<4>> model) {
#ifdef LAMINA_EXPECT_FAILURE
    merge(model);
#else
    merge(std::move(model));
#endif
}
