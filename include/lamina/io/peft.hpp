// SPDX-License-Identifier: MIT
// save_peft_adapter and load_peft_adapter: a model's adapters to and from folders of Hugging Face's PEFT.
#pragma once

#include <lamina/io/adapter_file.hpp>
#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/detail/described_tensors.hpp>
#include <lamina/io/detail/foreign_weights.hpp>
#include <lamina/io/detail/gpt2_names.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/detail/stored_scalars.hpp>
#include <lamina/io/detail/transposed.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/peft_config.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/gpt2_blocks.hpp>
#include <lamina/nn/run/bound_tensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io {

/// A GPT-2 with adapters, so that its linear layers are where PEFT looks for them.
template <class M>
concept PeftCompatible = AdaptedModel<M> && Gpt2Blocks<M>;

struct PeftSaveOptions {
    /// `base_model_name_or_path`: the hub name or folder of what the adapter goes on; null in the file if empty.
    std::string base_model{};
    /// F64, F32, F16 or BF16; nothing for the type that the model stores. PEFT computes in float by default.
    std::optional<ScalarType> store_as{};
};

namespace detail {

/// One adapted linear layer: its two rows of the manifest.
struct PeftModule {
    const TensorEntry* a = nullptr;
    const TensorEntry* b = nullptr;

    [[nodiscard]] std::string path() const { return a->layer_name(); }  ///< "h.0.attn.c_attn"
    [[nodiscard]] std::size_t in() const { return a->rows(); }
    [[nodiscard]] std::size_t out() const { return b->cols(); }
    [[nodiscard]] std::size_t rank() const { return a->cols(); }
};

/// Every adapted layer of a model type, in the order of the manifest.
template <PeftCompatible M>
[[nodiscard]] std::vector<PeftModule> peft_modules() {
    std::vector<PeftModule> modules;
    for (const TensorEntry& entry : Manifest<M>::entries) {
        if (entry.part == Part::lora_a) modules.push_back({.a = &entry});
        if (entry.part == Part::lora_b) modules.back().b = &entry;  // B follows its A
    }
    return modules;
}

/// What a factor is called in a PEFT file.
[[nodiscard]] inline std::string peft_name(const TensorEntry& factor, std::string_view inside = gpt2_prefix) {
    return "base_model.model." + std::string(inside) + factor.name() + ".weight";
}

/// The tensors of an adapter_model.safetensors by the names that a model's type gives them: "h.0.attn.c_attn.lora_A".
///
/// PEFT writes "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight", and the state of a model that is being
/// trained has the adapter's name, which is "default" unless told otherwise, before ".weight".
class PeftNames {
public:
    /// errors  FileError that names two tensors which are the same one, or of adapters of two names, or with different
    ///         beginnings
    explicit PeftNames(const SafetensorsFile& file) {
        const StoredTensor* first = nullptr;
        std::string_view first_adapter;
        for (const StoredTensor& tensor : file.tensors()) {
            const SplitName name = split_name(tensor.name);
            const auto [factor, adapter] = split_factor(name.bare);
            if (factor.empty()) continue;
            if (first == nullptr) {
                first = &tensor;
                first_adapter = adapter;
                prefix_ = name.prefix;
            }
            if (adapter != first_adapter || name.prefix != prefix_) {
                fail_tensor(file, tensor.name,
                            "is not named as " + in_quotes(first->name) + " is, expected one adapter of one model");
            }
            if (!stored_names_.emplace(factor, tensor.name).second) {
                fail_tensor(file, tensor.name, "is there twice, with and without .weight");
            }
        }
    }

    /// What the base has before "h.0": nothing where the adapter was made for a model without a head.
    [[nodiscard]] std::string_view inside() const {
        return stored_names_.empty() || prefix_.ends_with(gpt2_prefix) ? gpt2_prefix : std::string_view{};
    }

    /// The name in the file; of a factor that is not there, the one that PEFT would give it.
    [[nodiscard]] std::string of(const TensorEntry& factor) const {
        const auto found = stored_names_.find(factor.name());
        if (found != stored_names_.end()) return found->second;
        return peft_name(factor, inside());
    }

private:
    struct Factor {
        std::string name;  ///< "h.0.attn.c_attn.lora_A"; empty for what is no factor of a layer
        std::string_view adapter;
    };

    [[nodiscard]] static Factor split_factor(std::string_view bare) {
        constexpr std::string_view ending = ".weight";
        for (const std::string_view side : {".lora_A", ".lora_B"}) {
            const std::size_t at = bare.find(side);
            if (at == bare.npos) continue;
            std::string_view rest = bare.substr(at + side.size());
            if (!rest.ends_with(ending)) continue;
            rest.remove_suffix(ending.size());
            if (rest.empty() || rest.front() == '.') return {std::string(bare.substr(0, at + side.size())), rest};
        }
        return {};
    }

    std::string prefix_{};
    std::map<std::string, std::string, std::less<>> stored_names_{};
};

/// What a tensor that is no factor of a linear layer is, and so what it takes.
[[nodiscard]] inline std::string other_peft_tensor_text(const StoredTensor& tensor,
                                                        const std::filesystem::path& folder) {
    const auto has = [&tensor](std::string_view part) { return tensor.name.find(part) != std::string::npos; };
    const std::string shape = shape_text(tensor.shape);
    const std::string advice = "; merge it into its base and load that: " + peft_merge_line(folder);
    if (has("lora_magnitude_vector")) return "is DoRA's" + advice;
    if (has("lora_embedding_")) return "adapts an embedding, expected linear layers only" + advice;
    if (has("lm_head.") || has("wte.") || has("wpe.")) {
        return "of shape " + shape +
               " replaces one of the base, as where a vocabulary was resized, expected factors only" + advice;
    }
    if (has("modules_to_save")) return "is of a module that was trained as a whole, expected factors only" + advice;
    return "is none of the model's adapters";
}

/// A folder whose configuration, names, shapes and types fit the adapters of a model type.
template <PeftCompatible M>
class PeftFolder {
    using Adapter = typename M::Policies::Adapter;
    using Compute = typename M::Compute;

public:
    /// errors  FileError as load_peft_adapter, but for the values
    explicit PeftFolder(const std::filesystem::path& folder)
        : file_(weights_in(folder)), names_(file_), config_(folder / "adapter_config.json", names_.inside()) {
        std::set<std::string, std::less<>> wanted;
        for (const PeftModule& module : peft_modules<M>()) {
            const std::string path = module.path();
            const std::string a = names_.of(*module.a);
            const std::string b = names_.of(*module.b);
            const std::string& first = file_.find(a) != nullptr ? a : b;
            const bool there = file_.find(first) != nullptr;
            const bool chosen = config_.targets(path, module.a->index).value_or(there);
            if (there && !chosen) fail_tensor(file_, first, "is for a layer that adapter_config.json does not choose");
            if (!chosen) continue;
            const std::size_t rank = config_.rank_of(path);
            if (rank != module.rank() && !Adapter::identity_start) config_.fail_rank(path, module.rank());
            check_tensor(file_, a, std::array{rank, module.in()});
            check_tensor(file_, b, std::array{module.out(), rank});
            wanted.insert({a, b});
            found_.emplace(module.a->layer,
                           Found{.a = a, .b = b, .rank = rank, .scale = config_.scale_of(path) / Adapter::scale});
        }
        for (const StoredTensor& tensor : file_.tensors()) {
            if (!wanted.contains(tensor.name)) fail_tensor(file_, tensor.name, other_peft_tensor_text(tensor, folder));
        }
        for (const TensorEntry& entry : Manifest<M>::entries) {
            if (entry.role != Role::weight || entry.rank != 2 || has_adapter(entry)) continue;
            if (config_.targets(entry.layer_name(), entry.index) == true) config_.fail_target(entry.layer_name());
        }
        if (found_.empty()) throw FileError(file_.path().string(), "has no adapter for any layer of the model");
    }

    /// errors  FileError for a NaN or an infinity, unless allowed
    template <class Scalar, class Gradient>
    void read(const BoundTensor<Scalar, Gradient>& tensor, typename M::Backend& backend, NonFinite non_finite) const {
        const bool is_a = tensor.entry.part == Part::lora_a;
        const auto found = found_.find(tensor.entry.layer);
        std::vector<Scalar> values(tensor.entry.size);
        if (found == found_.end()) {
            if (is_a) return;  // B = 0 is enough
        } else if (found->second.rank == (is_a ? tensor.entry.cols() : tensor.entry.rows())) {
            values = factor<Scalar>(is_a ? found->second.a : found->second.b, tensor.entry.rows(), tensor.entry.cols(),
                                    non_finite);
            if (!is_a) scale(values, found->second.scale);
        } else if (is_a) {
            for (std::size_t i = 0; i < tensor.entry.rows(); ++i) values[i * tensor.entry.cols() + i] = Scalar(1);
        } else {
            values = product<Scalar>(found->second, tensor.entry, backend, non_finite);
            scale(values, found->second.scale);
        }
        if (non_finite == NonFinite::refuse) {  // a product or a factor may be what overflows
            require_finite(file_.path(), names_.of(tensor.entry), std::span<const Scalar>(values));
        }
        backend.upload(tensor.values.data, values.data(), values.size() * sizeof(Scalar));
    }

private:
    [[nodiscard]] static bool has_adapter(const TensorEntry& weight) {
        const auto& entries = Manifest<M>::entries;
        return std::any_of(entries.begin(), entries.end(), [&weight](const TensorEntry& entry) {
            return entry.part == Part::lora_a && entry.layer == weight.layer;
        });
    }

    struct Found {
        std::string a;  ///< name in the file
        std::string b;
        std::size_t rank;
        double scale;  ///< over that of the model's type
    };

    [[nodiscard]] static std::filesystem::path weights_in(const std::filesystem::path& folder) {
        constexpr std::string_view name = "adapter_model.safetensors";
        if (!is_there(folder / name)) fail_without_adapter(folder);
        return folder / name;
    }

    /// A factor [rows, cols] as the model has it, which the file has as [cols, rows].
    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> factor(const std::string& name, std::size_t rows, std::size_t cols,
                                             NonFinite non_finite) const {
        const std::size_t size = rows * cols;
        const auto stored = read_values<Scalar>(file_, name, size, non_finite);
        return transposed(std::span<const Scalar>(stored.get(), size), cols, rows);
    }

    template <class Scalar>
    static void scale(std::vector<Scalar>& values, double by) {
        if (by == 1) return;
        for (Scalar& value : values) value = convert_scalar<Scalar>(by * convert_scalar<double>(value));
    }

    /// A·B [In, Out] of another rank than the model's.
    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> product(const Found& found, const TensorEntry& b, typename M::Backend& backend,
                                              NonFinite non_finite) const {
        const auto view = [](auto& memory, std::size_t rows, std::size_t cols) {
            return MatrixView<Compute>(reinterpret_cast<Compute*>(memory.data()), rows, cols);
        };
        const auto on_device = [&](const std::vector<Compute>& values) {
            auto memory = backend.allocate(values.size() * sizeof(Compute));
            backend.upload(view(memory, 1, values.size()).data, values.data(), values.size() * sizeof(Compute));
            return memory;
        };
        auto left = on_device(factor<Compute>(found.a, b.rows(), found.rank, non_finite));
        auto right = on_device(factor<Compute>(found.b, found.rank, b.cols(), non_finite));
        auto result = backend.allocate(b.size * sizeof(Compute));
        const auto out = view(result, b.rows(), b.cols());
        backend.run(Matmul<Compute, Compute, Compute>{
            .out = out, .lhs = view(left, b.rows(), found.rank), .rhs = view(right, found.rank, b.cols())});
        std::vector<Compute> host(b.size);
        backend.download(host.data(), out.data, host.size() * sizeof(Compute));
        std::vector<Scalar> values(b.size);
        std::transform(host.begin(), host.end(), values.begin(), convert_scalar<Scalar, Compute>);
        return values;
    }

    SafetensorsFile file_;
    PeftNames names_;
    PeftConfig config_;
    std::map<std::size_t, Found> found_;  ///< by the number of the layer
};

}  // namespace detail

/// Writes a model's adapters as a folder that PEFT's PeftModel.from_pretrained loads onto the same base:
/// `adapter_model.safetensors` and `adapter_config.json`, never one with another adapter's other. Norms are not in it:
/// on a base that measures its norms the adapter of a removed model is of no use, so write the base with
/// save_scaled_gpt2, its adapter left out.
///
/// shapes   A [In, R] as `….lora_A.weight` [R, In], B [R, Out] as `….lora_B.weight` [Out, R]
/// writes   `target_modules` are the policies' targets; `lora_alpha` is scale · R; where the rank follows the width, as
///          at full rank, `rank_pattern` and `alpha_pattern` name the layers that differ from the first
/// errors   FileError as AtomicFile; ArgumentError when `base_model` is not UTF-8, or for a type that is no
///          floating-point one
/// source   docs/interop.md, "Adapters and PEFT"; PEFT, utils/save_and_load.py, tuners/lora/config.py
template <PeftCompatible M>
void save_peft_adapter(M& model, const std::filesystem::path& folder, const PeftSaveOptions& options = {}) {
    detail::check_store_as("save_peft_adapter", options.store_as);
    detail::create_folder(folder);
    std::vector<TensorToWrite> tensors;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        tensors.push_back(detail::transposed_tensor_to_write(detail::peft_name(tensor.entry), tensor, model.backend(),
                                                             options.store_as));
    });
    PeftFacts facts{.base_model = options.base_model, .every_layer = M::Policies::Targets::every_layer};
    for (const detail::PeftModule& module : detail::peft_modules<M>()) {
        const double alpha = M::Policies::Adapter::scale * static_cast<double>(module.rank());
        facts.modules.push_back({std::string(module.a->layer_in_group()), module.rank(), alpha});
    }
    detail::write_described({.tensors = folder / "adapter_model.safetensors", .config = folder / "adapter_config.json"},
                            std::move(tensors), peft_config(facts));
}

/// Fills a model's adapters from a folder that PEFT has written for a GPT-2, so that the model computes what PEFT does.
///
/// accepts  F64, F32, F16 and BF16; adapters of GPT2LMHeadModel and of GPT2Model, with the adapter's name in those of
///          tensors or without; any alpha and use_rslora, as B takes what differs from the type's factor; patterns of
///          ranks and alphas, which are regular expressions as PEFT matches them. The rank must be the type's with
///          adapter::Lora; with adapter::FullRank it may be any: A becomes the identity and B the product
/// leaves   what a layer without adapter in the file computes: its B becomes zero
/// errors   FileError that names file and field, or file and tensor: use_dora and whatever else makes PEFT compute
///          something other than W + scale·A·B, another rank, a layer that the configuration chooses without adapter
///          or the other way round, a tensor that is no adapter of the model. All but the values is checked before
///          any is written; only after a NaN or an infinity is the adapter partly filled
/// memory   one layer at a time besides the model
/// source   docs/interop.md, "Adapters and PEFT"
template <PeftCompatible M>
void load_peft_adapter(M& model, const std::filesystem::path& folder, NonFinite non_finite = NonFinite::refuse) {
    const detail::PeftFolder<M> stored(folder);
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role == Role::adapter) stored.read(tensor, model.backend(), non_finite);
    });
    model.parameters_changed();
}

}  // namespace lamina::io
