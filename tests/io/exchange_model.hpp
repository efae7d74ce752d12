// SPDX-License-Identifier: MIT
// ExchangeModel: the small model of tests/golden/interop, the forms it comes in, and the logits that it must have.
#pragma once

#include <lamina/io/llm_c.hpp>
#include <lamina/io/peft.hpp>
#include <lamina/io/scaled_gpt2.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace lamina_tests {

inline constexpr lamina::Architecture exchange_size{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 40};
using ExchangeModel =
    lamina::Gpt2<exchange_size, lamina::norm::Removable, lamina::adapter::FullRank, lamina::trainable::Nothing>;

inline std::filesystem::path interop_golden(const std::string& name) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "interop" / name;
}

/// The stock model of the golden files, its adapters as they start.
ExchangeModel exchange_base(lamina::CpuBackend& backend);

/// The largest difference of a model's logits from those that the real tool computed from the golden NAME.
double error_of_logits(ExchangeModel& model, const std::string& name);

}  // namespace lamina_tests

// Each is compiled once, in exchange_model.cpp.
namespace lamina::io {
using lamina_tests::ExchangeModel;
extern template void save_scaled_gpt2(ExchangeModel&, const std::filesystem::path&, ScaledSaveOptions);
extern template void load_scaled_gpt2(ExchangeModel&, const std::filesystem::path&, const LoadOptions&);
extern template void save_peft_adapter(ExchangeModel&, const std::filesystem::path&, const PeftSaveOptions&);
extern template void load_peft_adapter(ExchangeModel&, const std::filesystem::path&, NonFinite);
extern template void save_llm_c(ExchangeModel&, const std::filesystem::path&, LlmCSaveOptions);
extern template void load_llm_c(ExchangeModel&, const std::filesystem::path&, const LoadOptions&);
}  // namespace lamina::io
