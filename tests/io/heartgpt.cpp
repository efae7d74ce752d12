// SPDX-License-Identifier: MIT
// Two trained models that differ from GPT-2 in activation and head, and the likelihoods that they give real signals.
#include <lamina/io/huggingface.hpp>

#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/gpt2.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <vector>

using namespace lamina;

namespace {

constexpr std::size_t window = 500;

constexpr Architecture size_with(std::size_t vocab) {
    return {.layers = 8, .heads = 8, .embed = 64, .context = window, .vocab = vocab};
}
using EcgModel = Gpt2<size_with(101), activation::Relu, head::UntiedWithBias>;
using PpgModel = Gpt2<size_with(102), activation::Relu, head::UntiedWithBias>;
using PpgModelWithGelu = Gpt2<size_with(102), head::UntiedWithBias>;

std::filesystem::path heartgpt_folder() {
    const char* const shared = std::getenv("LAMINA_SHARED");
    return std::filesystem::path(shared != nullptr ? shared : LAMINA_SHARED_DIR) / "data" / "heartgpt";
}

std::vector<double> samples_in(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::vector<double> samples;
    for (double sample = 0; stream >> sample;) samples.push_back(sample);
    return samples;
}

/// Samples of a window as 0 for its least to 100 for its greatest.
std::vector<Token> tokens_of(std::span<const double> samples) {
    const auto [least, greatest] = std::minmax_element(samples.begin(), samples.end());
    std::vector<Token> tokens;
    for (const double sample : samples) {
        tokens.push_back(static_cast<Token>(std::lround(100 * (sample - *least) / (*greatest - *least))));
    }
    return tokens;
}

template <class M>
double loss_of(M& model, const std::vector<Token>& tokens) {
    const auto all = std::span(tokens);
    return model.evaluate({all.first(window - 1), all.last(window - 1), window - 1}).mean();
}

/// The mean negative log-likelihood of each window of a signal.
template <class M>
std::vector<double> losses(const char* weights, const char* signal, const char* activation) {
    const lamina_tests::ScratchFolder folder;
    std::filesystem::create_symlink(std::filesystem::absolute(heartgpt_folder() / weights),
                                    folder / "model.safetensors");
    lamina_tests::write(folder / "config.json",
                        R"({"model_type": "gpt2", "n_layer": 8, "n_head": 8, "n_embd": 64, "n_positions": 500,)"
                        R"( "tie_word_embeddings": false, "vocab_size": )" +
                            std::to_string(M::architecture.vocab) + R"(, "activation_function": ")" + activation +
                            "\"}");
    CpuBackend backend({.threads = 1});
    M model(backend);
    io::load_gpt2(model, folder.path());

    const std::vector<double> samples = samples_in(heartgpt_folder() / signal);
    std::vector<double> result;
    for (std::size_t start = 0; start + window <= samples.size(); start += window) {
        result.push_back(loss_of(model, tokens_of(std::span(samples).subspan(start, window))));
    }
    return result;
}

}  // namespace

TEST_CASE("trained models of heart signals have their published likelihoods") {
    if (!std::filesystem::exists(heartgpt_folder())) LAMINA_SKIP("no heartgpt in the shared data");
    // As an independent forward pass in numpy finds them.
    const auto ecg = losses<EcgModel>("ECGPT_560k_iters.gpt2.safetensors", "example_context_ECG.csv", "relu");
    REQUIRE(ecg.size() == 1);
    CHECK(std::abs(ecg[0] - 1.076) < 1e-3);

    const char* const weights = "PPGPT_500k_iters.gpt2.safetensors";
    const auto ppg = losses<PpgModel>(weights, "example_context_PPG.csv", "relu");
    REQUIRE(ppg.size() == 1);
    CHECK(std::abs(ppg[0] - 0.985) < 1e-3);

    const auto windows = losses<PpgModel>(weights, "example_context_PPG_beat_detect_long_input.csv", "relu");
    REQUIRE(windows.size() == 14);
    CHECK(std::abs(std::accumulate(windows.begin(), windows.end(), 0.0) / 14 - 0.923) < 1e-3);
    CHECK(std::abs(*std::min_element(windows.begin(), windows.end()) - 0.810) < 1e-3);
    CHECK(std::abs(*std::max_element(windows.begin(), windows.end()) - 1.212) < 1e-3);

    // What was trained with another activation function is nothing without it.
    CHECK(losses<PpgModelWithGelu>(weights, "example_context_PPG.csv", "gelu_new").at(0) > 3);
}
