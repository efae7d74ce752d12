// SPDX-License-Identifier: MIT
// tutorial_lora: a pretrained model is loaded, adapted, trained on another text, sampled from, merged and saved.
#include <lamina/io/huggingface.hpp>
#include <lamina/lamina.hpp>
#include <lamina/text/byte_tokenizer.hpp>

#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lamina;

namespace {

const std::string rhyme =
    "This is the house that Jack built. This is the malt that lay in the house that Jack built. This is the rat that "
    "ate the malt that lay in the house that Jack built. This is the cat that killed the rat that ate the malt that "
    "lay in the house that Jack built. This is the dog that worried the cat that killed the rat that ate the malt.";

const std::string own_text =
    "This is the model that Tim trained. This is the layer that lay in the model that Tim trained. This is the norm "
    "that scaled the layer that lay in the model that Tim trained. This is the loss that followed the norm that scaled "
    "the layer that lay in the model that Tim trained.";

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 64, .context = 64, .vocab = 257};

/// Some of a text to train on: one sequence as long as the context, and what follows each of its tokens.
TokenBatch window_of(const std::vector<Token>& tokens, Random& random) {
    const auto window = std::span(tokens).subspan(random.below(tokens.size() - tiny.context));
    return {window.first(tiny.context), window.subspan(1, tiny.context), tiny.context};
}

/// What stands for a model from elsewhere: one that has learned the rhyme, in the form of Hugging Face.
void pretrain(const std::filesystem::path& folder) {
    CpuBackend backend;
    Gpt2<tiny> model(backend);
    model.initialise(1);
    const std::vector<Token> tokens = text::ByteTokenizer{}.encode(rhyme);
    const train::CosineWithMinimum rate{.peak = 4e-3, .minimum = 4e-4, .warmup = 20, .steps = 200};
    train::Trainer trainer(model, rate, {.accumulation = 4});
    Random random{7};
    while (trainer.update() < rate.steps) trainer.step([&] { return window_of(tokens, random); });
    io::save_gpt2(model, folder);
}

}  // namespace

int main() {
    const std::filesystem::path out = "lamina-tutorial";
    pretrain(out / "base");

    CpuBackend backend;
    Gpt2<tiny> base(backend);
    io::load_gpt2(base, out / "base");

    auto model = adapt<adapter::Lora<16>>(std::move(base));
    const text::ByteTokenizer tokenizer;
    model.set_end_of_text(tokenizer.end_of_text());

    const std::vector<Token> tokens = tokenizer.encode(own_text);
    const train::CosineWithMinimum rate{.peak = 1e-2, .minimum = 1e-3, .warmup = 20, .steps = 120};
    train::Trainer trainer(model, rate, {.adamw = {.weight_decay = 0.01}, .accumulation = 4});
    Random random{7};
    while (trainer.update() < rate.steps) {
        const train::StepReport report = trainer.step([&] { return window_of(tokens, random); });
        if (report.update % 20 == 0) std::printf("%3zu  loss %.3f\n", report.update, report.loss);
    }

    const std::string prompt = "This is the ";
    const std::vector<Token> text =
        generate(model, tokenizer.encode(prompt), {.tokens = 60, .temperature = 0.5, .seed = 1});
    std::printf("%s%s\n", prompt.c_str(), tokenizer.decode(text).c_str());

    auto plain = merge(std::move(model));
    io::save_gpt2(plain, out / "merged");

    Gpt2<tiny, trainable::Nothing> saved(backend);
    io::load_gpt2(saved, out / "merged");
    std::printf("saved: loss %.3f\n", saved.evaluate(window_of(tokens, random)).mean());
}
