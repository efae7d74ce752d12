// SPDX-License-Identifier: MIT
// A trained model that nobody here wrote: minGPT's sorting network, with the activations that its authors published.
#include <lamina/io/huggingface.hpp>
#include <lamina/io/safetensors.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace lamina;

namespace {

constexpr Architecture nano{.layers = 3, .heads = 3, .embed = 48, .context = 11, .vocab = 3};
using Model = Gpt2<nano, head::Untied>;

constexpr std::size_t symbols = 6;

std::filesystem::path nano_folder() {
    const char* const shared = std::getenv("LAMINA_SHARED");
    return std::filesystem::path(shared != nullptr ? shared : LAMINA_SHARED_DIR) / "data" / "gpt2_nano_sort";
}

std::vector<float> floats(const io::SafetensorsFile& file, std::string_view name) {
    std::vector<float> values(file.tensor(name).size());
    file.read_into(name, std::span(values));
    return values;
}

double largest_difference(const std::vector<float>& left, const std::vector<float>& right) {
    REQUIRE(left.size() == right.size());
    double largest = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(left[i]) - static_cast<double>(right[i])));
        if (std::isnan(left[i])) return INFINITY;
    }
    return largest;
}

}  // namespace

TEST_CASE("the published sorting model has its published activations and logits") {
    if (!std::filesystem::exists(nano_folder())) LAMINA_SKIP("no gpt2_nano_sort in the shared data");
    CpuBackend backend({.threads = 1});
    Model model(backend);
    io::load_gpt2(model, nano_folder());

    const io::SafetensorsFile published(nano_folder() / "reference_activations.safetensors");
    std::vector<std::int32_t> stored_ids(published.tensor("idx").size());
    published.read_into("idx", std::span(stored_ids));
    const std::vector<Token> ids(stored_ids.begin(), stored_ids.end());  // [3, 11]
    const Extent extent{.batch = 3, .sequence = 11};
    REQUIRE(ids.size() == extent.tokens());

    std::vector<float> logits(extent.tokens() * nano.vocab);
    model.logits(ids, extent, extent.sequence, logits);
    CHECK(largest_difference(logits, floats(published, "lm_head")) < 1e-5);

    std::vector<float> probabilities(logits.size());
    for (std::size_t n = 0; n < extent.tokens(); ++n) {
        float sum = 0;
        for (std::size_t v = 0; v < nano.vocab; ++v) sum += std::exp(logits[n * nano.vocab + v]);
        for (std::size_t v = 0; v < nano.vocab; ++v) {
            probabilities[n * nano.vocab + v] = std::exp(logits[n * nano.vocab + v]) / sum;
        }
    }
    CHECK(largest_difference(probabilities, floats(published, "probs")) < 1e-5);

    model.zero_gradients();
    model.forward_backward({ids, ids, extent.sequence});
    constexpr std::array<std::string_view, nano.layers + 1> streams{"x", "block0", "block1", "block2"};
    for (std::size_t i = 0; i < streams.size(); ++i) {
        INFO("stream " << streams[i]);
        std::vector<float> stream(extent.tokens() * nano.embed);
        backend.download(stream.data(), model.stream(i).data, stream.size() * sizeof(float));
        CHECK(largest_difference(stream, floats(published, streams[i])) < 1e-5);
    }
}

TEST_CASE("the published sorting model sorts every input of six symbols") {
    if (!std::filesystem::exists(nano_folder())) LAMINA_SKIP("no gpt2_nano_sort in the shared data");
    CpuBackend backend({.threads = 1});
    Model model(backend);
    io::load_gpt2(model, nano_folder());

    constexpr std::size_t inputs = 729;  // 3^6
    std::vector<std::vector<Token>> sequences(inputs);
    for (std::size_t input = 0; input < inputs; ++input) {
        for (std::size_t place = 0, rest = input; place < symbols; ++place, rest /= nano.vocab) {
            sequences[input].push_back(static_cast<Token>(rest % nano.vocab));
        }
    }
    std::vector<float> logits(inputs * nano.vocab);
    for (std::size_t length = symbols; length < 2 * symbols; ++length) {
        std::vector<Token> ids;
        for (const auto& sequence : sequences) ids.insert(ids.end(), sequence.begin(), sequence.end());
        model.logits(ids, {.batch = inputs, .sequence = length}, 1, logits);
        for (std::size_t input = 0; input < inputs; ++input) {
            const auto scores = std::span(logits).subspan(input * nano.vocab, nano.vocab);
            sequences[input].push_back(
                static_cast<Token>(std::max_element(scores.begin(), scores.end()) - scores.begin()));
        }
    }
    std::size_t sorted = 0;
    for (auto& sequence : sequences) {
        const auto middle = sequence.begin() + symbols;
        std::sort(sequence.begin(), middle);
        sorted += std::equal(sequence.begin(), middle, middle) ? 1 : 0;
    }
    CHECK(sorted == inputs);
}
