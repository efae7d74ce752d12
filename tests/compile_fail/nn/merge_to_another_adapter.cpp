// expect: lamina: merge: a policy says more than how the merged model trains and is stored; leave all out but trainable::,
// precision:: and recompute::
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

void merge_it(Gpt2<tiny, adapter::Lora<4>> model) {
#ifdef LAMINA_EXPECT_FAILURE
    merge<adapter::None>(std::move(model));
#else
    merge<trainable::Nothing>(std::move(model));
#endif
}
