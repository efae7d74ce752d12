// SPDX-License-Identifier: MIT
// train_oracle: trains the oracle's model on GPT-2's own vocabulary and context, so that what lm-evaluation-harness says of
// it is no matter of ties, and packs it. One thread and fixed seeds: on one machine and one build, the same bytes every time.
#include "support/oracle_model.hpp"

#include <lamina/lamina.hpp>
#include <lamina/text/batches.hpp>
#include <lamina/text/documents.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>
#include <lamina/text/token_store.hpp>
#include <lamina/text/token_stream.hpp>
#include <lamina/train/learning_rate.hpp>
#include <lamina/train/trainer.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace lamina;
using namespace lamina_tests;

constexpr const char* usage = "train_oracle: expected: STEPS TOKENIZER_FOLDER PACKED_FILE TEXT_FILE...";

struct CommandLine {
    std::size_t steps = 0;
    std::filesystem::path tokenizer;
    std::filesystem::path packed;
    std::vector<std::filesystem::path> text;
};

CommandLine parse(const std::vector<std::string>& arguments) {
    if (arguments.size() < 4) throw ArgumentError(usage);
    CommandLine line{.tokenizer = arguments[1], .packed = arguments[2], .text = {}};
    const std::string& steps = arguments[0];
    const auto [end, error] = std::from_chars(steps.data(), steps.data() + steps.size(), line.steps);
    if (error != std::errc{} || end != steps.data() + steps.size() || line.steps == 0) throw ArgumentError(usage);
    line.text.assign(arguments.begin() + 3, arguments.end());
    return line;
}

text::TokenMemory tokens_of(const CommandLine& line) {
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(line.tokenizer);
    std::vector<Token> tokens;
    for (const Token token : text::documents(line.text) | text::token_stream(tokenizer)) tokens.push_back(token);
    return text::TokenMemory(std::move(tokens));
}

/// The tokens that get rows of their own: those that the text has most, in increasing order.
std::vector<std::int32_t> frequent(std::span<const Token> tokens) {
    std::vector<std::size_t> count(oracle_architecture.vocab);
    for (const Token token : tokens) ++count[static_cast<std::size_t>(token)];
    std::vector<std::int32_t> ranked(count.size());
    std::iota(ranked.begin(), ranked.end(), 0);
    std::stable_sort(ranked.begin(), ranked.end(), [&](std::int32_t a, std::int32_t b) {
        return count[static_cast<std::size_t>(a)] > count[static_cast<std::size_t>(b)];
    });
    ranked.resize(oracle_rows);
    std::sort(ranked.begin(), ranked.end());
    return ranked;
}

struct NamedValues {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<float> values;
};

/// The embedding rows of the kept tokens, and the mean of all others.
std::pair<NamedValues, NamedValues> packed_embedding(std::span<const float> all, std::span<const std::int32_t> kept) {
    constexpr std::size_t width = oracle_architecture.embed;
    NamedValues rows{.name = "rows", .shape = {kept.size(), width}, .values = {}};
    std::vector<double> sum(width);
    for (std::size_t i = 0; i < all.size(); ++i) sum[i % width] += static_cast<double>(all[i]);
    for (const std::int32_t token : kept) {
        for (std::size_t i = 0; i < width; ++i) {
            rows.values.push_back(all[static_cast<std::size_t>(token) * width + i]);
            sum[i] -= static_cast<double>(rows.values.back());
        }
    }
    NamedValues rest{.name = "rest", .shape = {width}, .values = {}};
    for (const double value : sum) {
        rest.values.push_back(static_cast<float>(value / static_cast<double>(oracle_architecture.vocab - kept.size())));
    }
    return {std::move(rows), std::move(rest)};
}

void pack(Gpt2<oracle_architecture>& model, const std::vector<std::int32_t>& kept, const std::filesystem::path& file) {
    std::vector<NamedValues> parts;
    model.for_each_tensor([&](const auto& tensor) {
        std::vector<float> values(tensor.entry.size);
        model.backend().download(values.data(), tensor.values.data, values.size() * sizeof(float));
        if (tensor.entry.name() == "wte.weight") {
            auto [rows, rest] = packed_embedding(values, kept);
            parts.push_back(std::move(rows));
            parts.push_back(std::move(rest));
        } else {
            const auto shape = tensor.entry.dimensions();
            parts.push_back({tensor.entry.name(), {shape.begin(), shape.end()}, std::move(values)});
        }
    });
    std::vector<io::TensorToWrite> tensors{io::tensor_to_write("tokens", {kept.size()}, std::span(kept))};
    for (const NamedValues& part : parts) {
        tensors.push_back(
            io::tensor_to_write(part.name, part.shape, std::span<const float>(part.values), ScalarType::f16));
    }
    io::write_safetensors(file, std::move(tensors));
}

void train_and_pack(const CommandLine& line) {
    const text::TokenMemory tokens = tokens_of(line);
    CpuBackend backend({.threads = 1});
    Gpt2<oracle_architecture> model(backend);
    model.initialise(1);
    const train::CosineWithMinimum rate{.peak = 1e-2, .minimum = 1e-3, .warmup = line.steps / 20, .steps = line.steps};
    train::Trainer trainer(model, rate, {.adamw = {.weight_decay = 0.01}, .clip = 1});
    // Whole contexts: few-shot prompts reach the last position.
    text::Batches batches(tokens, {.batch = 2, .sequence = oracle_architecture.context}, {.seed = 2});
    std::printf("%zu tokens of text\n", tokens.size());
    for (std::size_t step = 0; step < line.steps; ++step) {
        const train::StepReport report = trainer.step([&] { return batches.next(); });
        if (step % 50 == 0 || step + 1 == line.steps) {
            std::printf("step %4zu  loss %.4f  %.2f s\n", step, report.loss, report.seconds);
            std::fflush(stdout);
        }
    }
    pack(model, frequent(tokens.tokens()), line.packed);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        train_and_pack(parse({argv + 1, argv + argc}));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
