// SPDX-License-Identifier: MIT
#include "io/exchange_model.hpp"

#include <lamina/io/huggingface.hpp>
#include <lamina/io/safetensors.hpp>

#include <lamina/core/token.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace lamina::io {
template void save_scaled_gpt2(ExchangeModel&, const std::filesystem::path&, ScaledSaveOptions);
template void load_scaled_gpt2(ExchangeModel&, const std::filesystem::path&, const LoadOptions&);
template void save_peft_adapter(ExchangeModel&, const std::filesystem::path&, const PeftSaveOptions&);
template void load_peft_adapter(ExchangeModel&, const std::filesystem::path&, NonFinite);
template void save_llm_c(ExchangeModel&, const std::filesystem::path&, LlmCSaveOptions);
template void load_llm_c(ExchangeModel&, const std::filesystem::path&, const LoadOptions&);
}  // namespace lamina::io

namespace lamina_tests {

using namespace lamina;

ExchangeModel exchange_base(CpuBackend& backend) {
    ExchangeModel model(backend);
    model.initialise(4, Which::adapters);
    io::load_gpt2(model, interop_golden("base"));
    return model;
}

double error_of_logits(ExchangeModel& model, const std::string& name) {
    const io::SafetensorsFile expected(interop_golden("expected.safetensors"));
    const auto& shape = expected.tensor("ids").shape;
    const Extent extent{.batch = shape.at(0), .sequence = shape.at(1)};
    std::vector<Token> ids(extent.tokens());
    expected.read_into("ids", std::span(ids));
    std::vector<float> wanted(extent.tokens() * exchange_size.vocab);
    expected.read_into(name, std::span(wanted));
    std::vector<float> found(wanted.size());
    model.logits(ids, extent, extent.sequence, found);
    double largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double difference = std::abs(static_cast<double>(found[i]) - wanted[i]);
        largest = std::isfinite(difference) ? std::max(largest, difference) : std::numeric_limits<double>::infinity();
    }
    return largest;
}

}  // namespace lamina_tests
