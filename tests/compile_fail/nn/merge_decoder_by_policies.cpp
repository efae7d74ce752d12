// expect: lamina: merge: what a Decoder's layers become is not told by its type; write merge<Plain>(std::move(model)) with the
// type that has no adapters
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

template <class P>
using Model = Decoder<tiny, P, Residual<Linear<8, 8, P>>>;

void merge_it(Model<Policies<adapter::Lora<4>>> model) {
#ifdef LAMINA_EXPECT_FAILURE
    merge(std::move(model));
#else
    merge<Model<Policies<>>>(std::move(model));
#endif
}
