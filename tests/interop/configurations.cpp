// SPDX-License-Identifier: MIT
// Built for each configuration of configurations/: what lamina makes of such a folder, for configurations.py to compare.
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/token.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/gpt2_of.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "this_model.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace lamina;
namespace fs = std::filesystem;

using Model = Gpt2Of<ThisModel, norm::Removable, trainable::Nothing>;
constexpr std::size_t vocab = Model::architecture.vocab;

struct Texts {
    std::vector<Token> ids;
    Extent extent;
};

Texts texts_in(const fs::path& file) {
    const io::SafetensorsFile stored(file);
    const io::StoredTensor& tensor = stored.tensor("ids");
    std::vector<std::int32_t> ids(tensor.size());
    stored.read_into("ids", std::span(ids));
    return {.ids = {ids.begin(), ids.end()}, .extent = {.batch = tensor.shape[0], .sequence = tensor.shape[1]}};
}

std::vector<float> logits(Model& model, const Texts& texts) {
    std::vector<float> result(texts.ids.size() * vocab);
    model.logits(texts.ids, texts.extent, texts.extent.sequence, result);
    return result;
}

/// Divides by other constants in every norm.
void fix_norms(Model& model) {
    double divisor = 0.7;
    for_each_state(model.layers(), [&divisor](const std::string&, auto& norm) {
        norm.state.tracking.mode = DivisorMode::constant;
        norm.state.start_at(divisor, divisor);
        norm.state.fixed = norm.state.values_fixed = true;
        divisor += 0.3;
    });
}

void write(const fs::path& base, const fs::path& out) {
    CpuBackend backend;
    Model model(backend);
    io::load_gpt2(model, base);
    io::save_gpt2(model, out / "saved");

    const Texts texts = texts_in(base / "ids.safetensors");
    const std::vector<float> measured = logits(model, texts);
    fix_norms(model);
    const std::vector<float> removed = logits(model, texts);
    io::save_scaled_gpt2(model, out / "scaled");
    const std::vector<std::size_t> shape{texts.extent.batch, texts.extent.sequence, vocab};
    io::write_safetensors(out / "logits.safetensors",
                          {io::tensor_to_write("measured", shape, std::span<const float>(measured)),
                           io::tensor_to_write("removed", shape, std::span<const float>(removed))});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s FOLDER OUT\n", argv[0]);
        return 2;
    }
    try {
        write(argv[1], argv[2]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}
