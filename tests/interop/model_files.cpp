// SPDX-License-Identifier: MIT
// model_files: writes a small model in every form that others read, and reads what others wrote. interop.py drives it.
#include <lamina/arch/visit.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/random.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/llm_c.hpp>
#include <lamina/io/peft.hpp>
#include <lamina/io/safetensors_writer.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/fold.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace lamina;
namespace fs = std::filesystem;

constexpr Architecture small{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 40};
using FullRank = Gpt2<small, norm::Removable, adapter::FullRank, trainable::Nothing>;
using LowRank = Gpt2<small, adapter::Lora<4, 6>, trainable::Nothing>;

constexpr Extent extent{.batch = 2, .sequence = 8};
using Logits = std::vector<float>;

template <class M>
Logits logits(M& model) {
    std::vector<Token> ids(extent.tokens());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Token>(i * 7 % small.vocab);
    Logits result(ids.size() * small.vocab);
    model.logits(ids, extent, extent.sequence, result);
    return result;
}

void write_logits(const fs::path& file, const std::map<std::string, Logits>& all) {
    std::vector<io::TensorToWrite> tensors;
    for (const auto& [name, values] : all) {
        tensors.push_back(
            io::tensor_to_write(name, {extent.batch, extent.sequence, small.vocab}, std::span<const float>(values)));
    }
    io::write_safetensors(file, std::move(tensors));
}

/// The model in `base` with an adapter that does something.
template <class M>
void fill(M& model, const fs::path& base) {
    model.initialise(5, Which::adapters);
    io::load_gpt2(model, base);
    Random random = Random::stream(5, 1);
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        std::vector<std::remove_cvref_t<decltype(*tensor.values.data)>> values(tensor.entry.size);
        model.backend().download(values.data(), tensor.values.data, values.size() * sizeof values.front());
        for (auto& value : values) value += static_cast<float>(0.1 * random.normal());
        model.backend().upload(tensor.values.data, values.data(), values.size() * sizeof values.front());
    });
    model.parameters_changed();
}

void write(CpuBackend& backend, const fs::path& folder) {
    std::map<std::string, Logits> all;
    FullRank model(backend);
    fill(model, folder / "base");
    all["measured"] = logits(model);
    io::save_llm_c(model, folder / "llm_c_f32.bin");
    io::save_llm_c(model, folder / "llm_c_bf16.bin", {.store_as = ScalarType::bf16});

    double divisor = 0.7;
    for_each_state(model.layers(), [&divisor](const std::string&, auto& norm) {
        norm.state.tracking.mode = DivisorMode::constant;
        norm.state.start_at(divisor, divisor);
        norm.state.fixed = norm.state.values_fixed = true;
        divisor += 0.3;
    });
    all["removed"] = logits(model);
    io::save_scaled_gpt2(model, folder / "scaled");
    io::save_scaled_gpt2(model, folder / "scaled_bf16", {.store_as = ScalarType::bf16});
    io::save_scaled_gpt2(model, folder / "scaled_base", {.adapter = io::AdapterIn::nothing});
    io::save_peft_adapter(model, folder / "peft_full", {.base_model = "base"});
    auto folded = fold(std::move(model));
    io::save_gpt2(folded, folder / "folded");

    LowRank low(backend);
    fill(low, folder / "base");
    all["low_rank"] = logits(low);
    io::save_peft_adapter(low, folder / "peft_low");
    write_logits(folder / "logits.safetensors", all);
}

void read(CpuBackend& backend, const fs::path& folder, const std::string& name, const fs::path& out) {
    FullRank model(backend);
    model.initialise(6);
    if (name.starts_with("llm_c")) {
        io::load_llm_c(model, folder / (name + ".bin"));
    } else if (name.starts_with("scaled")) {
        io::load_scaled_gpt2(model, folder / name);
    } else {
        io::load_gpt2(model, folder / "base");
        if (name.starts_with("peft")) io::load_peft_adapter(model, folder / name);
    }
    write_logits(out, {{"logits", logits(model)}});
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        CpuBackend backend({.threads = 1});
        if (arguments.size() == 2 && arguments[0] == "write") {
            write(backend, arguments[1]);
        } else if (arguments.size() == 4 && arguments[0] == "read") {
            read(backend, arguments[1], arguments[2], arguments[3]);
        } else {
            std::fprintf(stderr, "usage: model_files write FOLDER | read FOLDER NAME OUT\n");
            return 2;
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "model_files: %s\n", error.what());
        return 1;
    }
}
