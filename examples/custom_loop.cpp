// SPDX-License-Identifier: MIT
// custom_loop: a training loop of one's own, in which the LayerNorms of a small GPT-2 leave one by one.
#include <lamina/lamina.hpp>
#include <lamina/text/byte_tokenizer.hpp>

#include <cstdio>
#include <span>
#include <utility>
#include <vector>

using namespace lamina;

namespace {

constexpr const char* rhyme =
    "This is the house that Jack built. This is the malt that lay in the house that Jack built. This is the rat that "
    "ate the malt that lay in the house that Jack built. This is the cat that killed the rat that ate the malt that "
    "lay in the house that Jack built. This is the dog that worried the cat that killed the rat that ate the malt that "
    "lay in the house that Jack built.";

}  // namespace

int main() {
    const std::vector<Token> tokens = text::ByteTokenizer{}.encode(rhyme);

    constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 64, .context = 64, .vocab = 257};
    using Model = Gpt2<tiny, norm::Removable, adapter::FullRank, trainable::Roles<Role::adapter, Role::embedding>>;
    CpuBackend backend;
    Model model(backend);
    model.initialise(1);

    train::AdamW<Model> optimiser(model);
    const train::CosineWithMinimum rate{.peak = 4e-3, .minimum = 4e-4, .warmup = 30, .steps = 200};
    const auto schedule = RemovalSchedule::progressive({.start = 100, .gap_ln_2 = 8}, tiny.layers);
    Removal removal(model, schedule, {.mode = DivisorMode::freeze, .momentum = 0.9});

    Random random{7};
    for (std::size_t update = 0; update < rate.steps; ++update) {
        removal.before_update(update);
        model.zero_gradients();
        double loss = 0;
        for (int micro_batch = 0; micro_batch < 4; ++micro_batch) {
            const auto window = std::span(tokens).subspan(random.below(tokens.size() - tiny.context));
            const TokenBatch batch(window.first(tiny.context), window.subspan(1, tiny.context), tiny.context);
            loss += model.forward_backward(batch, {.share = 0.25}).cross_entropy.mean() / 4;
        }
        const double norm = train::gradient_norm(model);
        optimiser.step(model, rate(update), train::clip_scale(norm, 1.0));
        if (update % 20 == 0) std::printf("%3zu  loss %.3f  norms left %zu\n", update, loss, removal.norms_left());
    }

    auto folded = fold(std::move(model));
    static_assert(!contains_layer_norm<decltype(folded)>);
    const auto start = std::span(tokens).first(tiny.context + 1);
    const TokenBatch batch(start.first(tiny.context), start.last(tiny.context), tiny.context);
    std::printf("folded: loss %.3f\n", folded.evaluate(batch).mean());
}
