// SPDX-License-Identifier: MIT
// Folders of random weights in the true shapes of GPT-2 medium, large and XL are read in full; small has a test of its
// own among the programs.
#include <lamina/io/huggingface.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/safetensors_writer.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

using Model = Gpt2<gpt2_xl, norm::Removable, trainable::Nothing, precision::FrozenBf16>;

/// Numbers that tell every tensor and place from the next, and that bf16 holds exactly.
class Pattern {
public:
    Pattern() : values_(65521) {  // a prime, so that no two rows are alike
        Random random{1};
        for (bf16& value : values_) value = static_cast<bf16>(static_cast<float>(random.normal()) * 0.02F);
    }
    [[nodiscard]] bf16 at(std::size_t tensor, std::size_t element) const {
        return values_[(tensor * 7919 + element) % values_.size()];
    }
    [[nodiscard]] std::vector<bf16> part(std::size_t tensor, std::size_t first, std::size_t count) const {
        std::vector<bf16> part(count);
        for (std::size_t i = 0; i < count; ++i) part[i] = at(tensor, first + i);
        return part;
    }

private:
    std::vector<bf16> values_;
};

void write_folder(const std::filesystem::path& folder, const Pattern& pattern) {
    std::vector<io::TensorToWrite> tensors;
    std::size_t place = 0;
    for (const TensorEntry& entry : Manifest<Model>::entries) {
        const auto shape = entry.dimensions();
        tensors.push_back({.name = entry.name(),
                           .type = ScalarType::bf16,
                           .shape = {shape.begin(), shape.end()},
                           .write_data = [&pattern, place, size = entry.size](io::TensorSink& sink) {
                               constexpr std::size_t step = std::size_t{1} << 20U;
                               for (std::size_t first = 0; first < size; first += step) {
                                   const auto part = pattern.part(place, first, std::min(step, size - first));
                                   sink.write(std::span<const bf16>(part));
                               }
                           }});
        ++place;
    }
    io::write_safetensors(folder / "model.safetensors", std::move(tensors));
    io::write_gpt2_config(folder / "config.json", {.architecture = Model::architecture}, {});
}

}  // namespace

// Its file has more bytes than an int counts, and its 25 heads are no power of two.
TEST_CASE("a folder in the true shapes of the largest GPT-2 is read in full", "[io][heavy]") {
    const ScratchFolder folder;
    const std::size_t bytes = 2 * Manifest<Model>::parameters;
    if (std::filesystem::space(folder.path()).available < 2 * bytes) {
        LAMINA_SKIP("needs " + std::to_string(2 * bytes >> 30U) + " GiB of free disk for temporary files");
    }
    const Pattern pattern;
    write_folder(folder.path(), pattern);
    CpuBackend backend;
    Model model(backend);
    io::load_gpt2(model, folder.path());
    std::size_t place = 0;
    std::size_t wrong = 0;
    model.for_each_tensor([&](const auto& tensor) {
        for (std::size_t i = 0; i < tensor.entry.size; i += 1009) {
            wrong += static_cast<float>(tensor.values.data[i]) == static_cast<float>(pattern.at(place, i)) ? 0 : 1;
        }
        ++place;
    });
    CHECK(wrong == 0);
    CHECK(place == 4 + 12 * Model::architecture.layers);
}
