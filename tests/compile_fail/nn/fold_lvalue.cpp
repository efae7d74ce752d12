// expect: lamina: fold: the model is given up for the folded one; write fold(std::move(model))
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/fold.hpp>
#include <lamina/nn/gpt2.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Model = Gpt2<tiny, norm::Removable>;

void fold_it(Model model) {
#ifdef LAMINA_EXPECT_FAILURE
    fold(model);
#else
    fold(std::move(model));
#endif
}
