// expect: lamina: fold: the model may still contain a LayerNorm, or a norm that no constant can replace; use a Gpt2
// with norm::Removable or norm::FixedStd
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/fold.hpp>

#include <utility>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, norm::RmsNorm>;
#else
using Model = Gpt2<tiny, norm::Removable>;
#endif

double fold_it(Model model, const TokenBatch& batch) {
    auto folded = fold(std::move(model));
    static_assert(!contains_layer_norm<decltype(folded)>);
    return folded.evaluate(batch).mean();
}
