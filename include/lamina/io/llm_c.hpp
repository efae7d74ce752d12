// SPDX-License-Identifier: MIT
// save_llm_c and load_llm_c: models to and from llm.c's checkpoints, such as gpt2_124M.bin.
#pragma once

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/detail/merged_weights.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/detail/stored_scalars.hpp>
#include <lamina/io/detail/transposed.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/memory_map.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/fixable_norm.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

namespace detail {

template <class M>
consteval bool has_llm_c_layout() {
    if constexpr (is_stock_type<M>()) {
        using P = typename M::Policies;
        return !P::Head::own_weight && M::architecture.hidden() == 4 * M::architecture.embed &&
               std::is_same_v<typename P::ActivationFunction, activation::GeluNew> &&
               std::is_same_v<typename P::AttentionScale, attention_scale::InverseRoot> &&
               std::is_same_v<typename P::NormEpsilon, norm_epsilon::Usual>;
    } else {
        return false;
    }
}

}  // namespace detail

/// A GPT-2 as llm.c knows it: its own blocks, norms that can measure, the token embedding as the head, and nothing else
/// than GPT-2 in activation, attention scale, epsilon and inner width, which its header does not say.
template <class M>
concept LlmCCompatible = detail::has_llm_c_layout<M>();

struct LlmCSaveOptions {
    ScalarType store_as = ScalarType::f32;  ///< F32 or BF16
};

namespace detail {

inline constexpr std::int32_t llm_c_magic = 20240326;
inline constexpr std::size_t llm_c_header_size = 256;  // of int32
inline constexpr std::size_t llm_c_vocab_multiple = 128;

/// The versions of the format whose vocabulary is padded, and what they store.
[[nodiscard]] constexpr std::int32_t llm_c_version(ScalarType type) { return type == ScalarType::bf16 ? 5 : 3; }

using LlmCHeader = std::array<std::int32_t, llm_c_header_size>;

/// A place of the header and what belongs there.
struct LlmCField {
    std::size_t place;
    std::string_view name;
    std::size_t value;
};

[[nodiscard]] constexpr std::array<LlmCField, 5> llm_c_fields(const Architecture& size) {
    return {{{2, "positions", size.context},
             {3, "vocabulary", size.vocab},
             {4, "layers", size.layers},
             {5, "heads", size.heads},
             {6, "width", size.embed}}};
}

/// The tensors of a model in the order of the file: for each kind in a block all layers in turn.
template <class M>
[[nodiscard]] std::vector<const TensorEntry*> llm_c_order() {
    std::vector<const TensorEntry*> before;
    std::vector<const TensorEntry*> blocks;
    std::vector<const TensorEntry*> after;
    for (const TensorEntry& entry : Manifest<M>::entries) {
        if (entry.role == Role::adapter) continue;
        if (entry.repeated) {
            blocks.push_back(&entry);
        } else {
            (blocks.empty() ? before : after).push_back(&entry);
        }
    }
    const std::size_t kinds = blocks.size() / M::architecture.layers;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        for (std::size_t layer = 0; layer < M::architecture.layers; ++layer) {
            before.push_back(blocks[layer * kinds + kind]);
        }
    }
    before.insert(before.end(), after.begin(), after.end());
    return before;
}

/// llm.c has the matrices of linear layers as [Out, In].
[[nodiscard]] constexpr bool is_turned_in_llm_c(const TensorEntry& entry) {
    return entry.role == Role::weight && entry.rank == 2;
}

/// The one tensor that the file pads: the first of both.
template <class M>
[[nodiscard]] bool is_token_table(const TensorEntry& entry) {
    return &entry == &Manifest<M>::entries.front();
}

/// A checkpoint whose header and size are those of a model type.
template <class M>
class LlmCFile {
    static constexpr Architecture A = M::architecture;

public:
    /// errors  FileError that names the field of the header, or says how long the file should be
    explicit LlmCFile(const std::filesystem::path& path) : path_(path), map_(path) {
        static_assert(std::endian::native == std::endian::little, "lamina: llm.c: only little-endian machines");
        read_header();
        std::size_t offset = sizeof(LlmCHeader);
        for (const TensorEntry* const entry : llm_c_order<M>()) {
            offsets_.emplace(entry->name(), offset);
            const std::size_t rows = is_token_table<M>(*entry) ? padded_vocab_ : entry->rows();
            offset += rows * entry->cols() * scalar_bytes();
        }
        if (map_.bytes().size() != offset) {
            throw FileError(path_.string(), "is " + std::to_string(map_.bytes().size()) + " bytes long, expected " +
                                                std::to_string(offset) + " as its header says");
        }
    }

    /// Copies a tensor into a parameter of a model.
    ///
    /// errors  FileError that names the tensor and its first non-finite value; the parameter is then untouched
    template <class B, class Scalar, class Gradient>
    void read(const BoundTensor<Scalar, Gradient>& tensor, B& backend, NonFinite non_finite) const {
        const TensorEntry& entry = tensor.entry;
        const std::string name = entry.name();
        const auto part = map_.bytes().subspan(offsets_.at(name), entry.size * scalar_bytes());
        std::vector<Scalar> values(entry.size);
        if (is_bf16_) {
            convert_from_bytes<bf16>(part.data(), std::span(values));
        } else {
            convert_from_bytes<float>(part.data(), std::span(values));
        }
        map_.forget(part);
        if (non_finite == NonFinite::refuse) require_finite(path_, name, std::span<const Scalar>(values));
        if (is_turned_in_llm_c(entry)) {
            values = transposed(std::span<const Scalar>(values), entry.cols(), entry.rows());
        }
        backend.upload(tensor.values.data, values.data(), values.size() * sizeof(Scalar));
    }

private:
    [[nodiscard]] std::size_t scalar_bytes() const { return is_bf16_ ? sizeof(bf16) : sizeof(float); }

    [[noreturn]] void fail(std::string_view field, std::int32_t found, const std::string& expected) const {
        throw FileError(path_.string(),
                        std::string(field) + " in the header is " + std::to_string(found) + ", expected " + expected);
    }

    void read_header() {
        const FileKind kind = file_kind(map_.bytes(), map_.bytes().size());
        if (kind != FileKind::llm_c_checkpoint && kind != FileKind::unknown) {
            fail_kind(path_, kind, "a checkpoint of llm.c", map_.bytes());
        }
        LlmCHeader header{};
        if (map_.bytes().size() < sizeof header) {
            throw FileError(path_.string(), "is " + std::to_string(map_.bytes().size()) +
                                                " bytes long, expected at least the " + std::to_string(sizeof header) +
                                                " of a header");
        }
        std::memcpy(header.data(), map_.bytes().data(), sizeof header);
        if (header[0] != llm_c_magic) fail("magic number", header[0], std::to_string(llm_c_magic));
        is_bf16_ = header[1] == llm_c_version(ScalarType::bf16);
        if (!is_bf16_ && header[1] != llm_c_version(ScalarType::f32)) {
            fail("version", header[1], "3 (float) or 5 (bf16)");
        }
        for (const LlmCField& field : llm_c_fields(A)) {
            if (!std::cmp_equal(header[field.place], field.value)) {
                fail(field.name, header[field.place], std::to_string(field.value));
            }
        }
        if (std::cmp_less(header[7], A.vocab)) {
            fail("padded vocabulary", header[7], "at least " + std::to_string(A.vocab));
        }
        padded_vocab_ = static_cast<std::size_t>(header[7]);
        for (std::size_t place = 8; place < header.size(); ++place) {
            if (header[place] != 0) fail("number " + std::to_string(place), header[place], "0, as it has no meaning");
        }
    }

    std::filesystem::path path_;
    MemoryMap map_;
    bool is_bf16_ = false;
    std::size_t padded_vocab_ = 0;
    std::map<std::string, std::size_t, std::less<>> offsets_;
};

/// errors  ArgumentError when a number of the architecture is more than the header can hold
template <class M>
[[nodiscard]] LlmCHeader llm_c_header(ScalarType type, std::size_t padded_vocab) {
    LlmCHeader header{llm_c_magic, llm_c_version(type)};
    const auto put = [&](std::size_t place, std::string_view name, std::size_t value) {
        if (!std::in_range<std::int32_t>(value)) {
            throw ArgumentError("save_llm_c: " + std::string(name) + " is " + std::to_string(value) +
                                ", more than the header's 32 bits");
        }
        header[place] = static_cast<std::int32_t>(value);
    };
    for (const LlmCField& field : llm_c_fields(M::architecture)) put(field.place, field.name, field.value);
    put(7, "padded vocabulary", padded_vocab);
    return header;
}

/// errors  ArgumentError that names the first norm which divides by a constant: llm.c measures
template <class M>
void require_measuring_norms(M& model) {
    if (const auto fixed = first_fixed_norm(model)) {
        throw ArgumentError("save_llm_c: norm " + *fixed +
                            " divides by a constant, while llm.c measures; use save_scaled_gpt2 or fold");
    }
}

}  // namespace detail

/// Writes a model as llm.c's checkpoint, atomically: 256 int32 (magic 20240326, version 3 for F32, 5 for BF16, sizes),
/// then every tensor, those of one kind layer by layer. The token embedding is padded with rows of zeros to a multiple
/// of 128; matrices are [Out, In]. Adapters are merged, as the format has none.
///
/// errors  ArgumentError for another type, or when a norm is fixed; FileError as AtomicFile
/// memory  one matrix in double, twice
/// source  karpathy/llm.c, train_gpt2.py, write_model; docs/files.md, "llm.c checkpoints"
template <LlmCCompatible M>
void save_llm_c(M& model, const std::filesystem::path& file, LlmCSaveOptions options = {}) {
    static_assert(std::endian::native == std::endian::little, "lamina: llm.c: only little-endian machines");
    if (options.store_as != ScalarType::f32 && options.store_as != ScalarType::bf16) {
        throw ArgumentError("save_llm_c: cannot store as " + std::string(name_of(options.store_as)) +
                            ", expected F32 or BF16");
    }
    detail::require_measuring_norms(model);

    const detail::ValueSources matrices = detail::merged_weights(model);
    std::map<std::string, std::function<void(TensorSink&)>> writers;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role == Role::adapter) return;
        const std::string name = tensor.entry.name();
        auto& write = writers[name];
        if (!detail::is_turned_in_llm_c(tensor.entry)) {
            write = detail::tensor_to_write(name, tensor, model.backend()).write_data;
            return;
        }
        write = [values_of = matrices.at(name), &entry = tensor.entry](TensorSink& sink) {
            std::vector<double> values = values_of();  // [In, Out]
            values = detail::transposed(std::span<const double>(values), entry.rows(), entry.cols());
            sink.write(std::span<const double>(values));
        };
    });

    constexpr std::size_t vocab = M::architecture.vocab;
    constexpr std::size_t multiple = detail::llm_c_vocab_multiple;
    constexpr std::size_t padded = (vocab + multiple - 1) / multiple * multiple;
    const detail::LlmCHeader header = detail::llm_c_header<M>(options.store_as, padded);
    AtomicFile out(file);
    out.write(std::as_bytes(std::span(header)));
    TensorSink sink(out, options.store_as);
    for (const TensorEntry* const entry : detail::llm_c_order<M>()) {
        writers.at(entry->name())(sink);
        if (detail::is_token_table<M>(*entry)) {
            const std::vector<float> zeros((padded - vocab) * entry->cols());
            sink.write(std::span<const float>(zeros));
        }
    }
    out.commit();
}

/// Fills a model from such a checkpoint, which lamina or llm.c has written.
///
/// accepts  versions 3 and 5; any padding of the vocabulary, whose rows are not read
/// leaves   adapters and the states of norms as they were
/// errors   FileError in one line: a file that is too short or too long, another magic number, version or size than the
///          model's type says, a number in the header that has no meaning, and, when some tensors are already filled,
///          NaN and infinities
/// memory   one tensor at a time, twice, besides the model
/// source   karpathy/llm.c, train_gpt2.c, gpt2_build_from_checkpoint; docs/files.md, "llm.c checkpoints"
template <LlmCCompatible M>
void load_llm_c(M& model, const std::filesystem::path& file, const LoadOptions& options = {}) {
    const detail::LlmCFile<M> stored(file);
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) stored.read(tensor, model.backend(), options.non_finite);
    });
    model.parameters_changed();
}

}  // namespace lamina::io
