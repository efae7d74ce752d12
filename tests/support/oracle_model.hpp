// SPDX-License-Identifier: MIT
// The oracle's model (tests/oracle/README.md): unpacked to a folder that load_gpt2 and transformers read alike.
#pragma once

#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/core/scalar_type.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina_tests {

inline constexpr lamina::Architecture oracle_architecture{
    .layers = 2, .heads = 2, .embed = 16, .context = 1024, .vocab = 50257};

/// Tokens whose embedding is stored; a power of two, see oracle_embedding.
inline constexpr std::size_t oracle_rows = 4096;

/// The whole embedding [V, C]: of the tokens in `tokens` their own rows, of every other token rest + (a - b) / 4, with two
/// rows a and b that its number picks. All terms are F16, so the sum is exact in double and rounded once.
inline std::vector<float> oracle_embedding(const lamina::io::SafetensorsFile& packed) {
    constexpr std::size_t width = oracle_architecture.embed;
    std::vector<std::int32_t> tokens(oracle_rows);
    std::vector<float> rows(oracle_rows * width);
    std::vector<float> rest(width);
    packed.read_into("tokens", std::span(tokens));
    packed.read_into("rows", std::span(rows));
    packed.read_into("rest", std::span(rest));
    std::vector<float> embedding(oracle_architecture.vocab * width);
    for (std::size_t token = 0; token < oracle_architecture.vocab; ++token) {
        const auto mixed = static_cast<std::uint32_t>(token * 2654435761U);
        const float* const a = rows.data() + (mixed >> 20U) * width;
        const float* const b = rows.data() + (mixed >> 8U) % oracle_rows * width;
        for (std::size_t i = 0; i < width; ++i) {
            const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
            embedding[token * width + i] = static_cast<float>(static_cast<double>(rest[i]) + difference / 4);
        }
    }
    for (std::size_t k = 0; k < oracle_rows; ++k) {
        for (std::size_t i = 0; i < width; ++i) {
            embedding[static_cast<std::size_t>(tokens.at(k)) * width + i] = rows[k * width + i];
        }
    }
    return embedding;
}

/// Writes `config.json` and `model.safetensors`, all F32, of the model packed in `file`. 3.3 MB.
inline void unpack_oracle_model(const std::filesystem::path& file, const std::filesystem::path& folder) {
    const lamina::io::SafetensorsFile packed(file);
    const std::vector<float> embedding = oracle_embedding(packed);
    std::vector<std::vector<float>> values;
    values.reserve(packed.tensors().size());  // so that no span below dangles
    std::vector<lamina::io::TensorToWrite> tensors;
    tensors.push_back(lamina::io::tensor_to_write("transformer.wte.weight",
                                                  {oracle_architecture.vocab, oracle_architecture.embed},
                                                  std::span<const float>(embedding)));
    for (const lamina::io::StoredTensor& stored : packed.tensors()) {
        if (stored.name == "tokens" || stored.name == "rows" || stored.name == "rest") continue;
        std::vector<float>& own = values.emplace_back(stored.size());
        packed.read_into(stored.name, std::span(own));
        tensors.push_back(
            lamina::io::tensor_to_write("transformer." + stored.name, stored.shape, std::span<const float>(own)));
    }
    std::filesystem::create_directories(folder);
    lamina::io::write_safetensors(folder / "model.safetensors", std::move(tensors));
    lamina::io::write_gpt2_config(folder / "config.json", {.architecture = oracle_architecture},
                                  {.end_of_text = 50256});
}

}  // namespace lamina_tests
