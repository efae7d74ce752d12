// expect: lamina: fold: the model is given up for the folded one; write fold(std::move(model))
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/fold.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Model = Gpt2<tiny, norm::Removable>;

double fold_it(Model model, const TokenBatch& batch) {
#ifdef LAMINA_EXPECT_FAILURE
    auto folded = fold(model);
#else
    auto folded = fold(std::move(model));
#endif
    return folded.evaluate(batch).mean();
}
