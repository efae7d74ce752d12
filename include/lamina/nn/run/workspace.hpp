// SPDX-License-Identifier: MIT
// Workspace: where the activations of one pass through a model lie, sized by the compiler, allocated once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/run/paper.hpp>
#include <lamina/nn/run/pass_start.hpp>
#include <lamina/nn/run/saved.hpp>

namespace lamina {

/// What a workspace must be able to do.
enum class Use : std::uint8_t {
    evaluate,  ///< forward only: one block's activations
    train      ///< forward and backward
};

/// Elements from one row of logits to the next: whole lines of memory, which matrix units read best.
[[nodiscard]] constexpr std::size_t logits_stride_of(std::size_t vocab) { return (vocab + 63) / 64 * 64; }

/// Bytes of a workspace by what they are for.
struct WorkspaceBytes {
    std::size_t streams = 0;  ///< the residual stream between blocks, and its gradient
    std::size_t saved = 0;    ///< what blocks and the final norm keep for backward
    std::size_t scratch = 0;  ///< borrowed by layers while they run
    std::size_t head = 0;     ///< one chunk of hidden states and logits
    std::size_t indices = 0;  ///< token ids, targets and row numbers
    std::size_t results = 0;  ///< what the host reads when a pass is done: losses, and what layers measured

    [[nodiscard]] constexpr std::size_t total() const { return streams + saved + scratch + head + indices + results; }
};

/// The views of one pass. `Facts` gives Backend, Scalar, Compute, Block, FinalNorm, Policies and the architecture.
template <class Facts>
class Workspace {
    using Scalar = typename Facts::Scalar;
    using Compute = typename Facts::Compute;
    using Block = typename Facts::Block;
    using FinalNorm = typename Facts::FinalNorm;
    static constexpr std::size_t embed = Facts::architecture.embed;
    static constexpr std::size_t vocab = Facts::architecture.vocab;
    static constexpr std::size_t padded_vocab = padded_vocabulary<typename Facts::Backend>(vocab);
    static constexpr std::size_t layers = Facts::architecture.layers;
    static constexpr bool recomputes = Facts::Policies::Recompute::per_block;

public:
    using Stream = Rows<typename Facts::Policies::Stream, embed>;
    using Activations = Rows<Scalar, embed>;
    static constexpr std::size_t logits_stride = logits_stride_of(padded_vocab);
    /// Tokens whose logits exist at the same time: tokens × vocabulary logits never do.
    static constexpr std::size_t logits_rows = Facts::Backend::logits_rows(vocab);
    /// Whether the gradient of logits lies beside them, because the products that read it want another type.
    static constexpr bool own_d_logits = !std::is_same_v<Scalar, Compute>;
    /// Of all layers together.
    static constexpr std::size_t measured_numbers =
        layers * measured_numbers_of<Block>() + measured_numbers_of<FinalNorm>();

    Rows<Token, 1> ids{};            // [N]
    Rows<Token, 1> targets{};        // [N], the targets that carry loss, in order
    Rows<std::size_t, 1> rows{};     // [N], the tokens they belong to
    Rows<double, 1> measured{};      // [measured_numbers]
    Rows<Compute, 1> losses{};       // [N], of the targets
    std::span<std::byte> indices{};  // ids, targets and rows, which cross to the device at once,
    std::span<std::byte> results{};  // and measured and losses, which cross to the host
    std::array<Stream, layers + 1> streams{};
    Activations normalised{};  // [N, C], the final norm's output
    std::array<Stream, 2> d_streams{};
    std::array<Rows<bf16, embed>, 2> d_rounded{};  // the same, where blocks leave that as well
    std::array<typename Block::Saved, layers> saved{};
    typename FinalNorm::Saved final_saved{};
    Rows<Compute, 1> mean{};       // [N], of the last stream, for the auxiliary loss
    Rows<Compute, 1> deviation{};  // [N]
    std::span<std::byte> scratch{};
    Activations head_in{};                   // [chunk, C]
    Activations d_head_in{};                 // [chunk, C]
    Rows<Compute, logits_stride> logits{};   // [chunk, logits_stride], padded_vocab of them used
    Rows<Scalar, logits_stride> d_logits{};  // the same; empty where the logits become their gradient

    /// Whether every block keeps activations of its own.
    [[nodiscard]] static constexpr bool keeps_each_block(Use use) { return use == Use::train && !recomputes; }

    [[nodiscard]] static constexpr WorkspaceBytes bytes(Extent extent, Use use) {
        Workspace measuring{};
        return measuring.place(nullptr, extent, use);
    }

    /// Points every view into `memory`, which has bytes(extent, use).total() bytes; with null it only counts.
    constexpr WorkspaceBytes place(std::byte* memory, Extent extent, Use use) {
        *this = {};  // what this use does not want is empty, whatever an earlier one wanted
        const std::size_t n = extent.tokens();
        const std::size_t chunk = n < logits_rows ? n : logits_rows;
        const bool train = use == Use::train;
        Cursor cursor{memory};
        WorkspaceBytes sum{};

        cursor.take(ids, n);
        cursor.take(targets, n);
        cursor.take(rows, n);
        sum.indices = cursor.lap(indices);
        cursor.take(measured, measured_numbers);
        cursor.take(losses, n);
        sum.results = cursor.lap(results);

        // Evaluation needs the input and the output of one block at a time.
        const std::size_t distinct = train ? layers + 1 : 2;
        for (std::size_t i = 0; i < distinct; ++i) cursor.take(streams[i], n);
        for (std::size_t i = distinct; i <= layers; ++i) streams[i] = streams[i % 2];
        cursor.take(normalised, n);
        if (train) {
            for (Stream& stream : d_streams) cursor.take(stream, n);
            if constexpr (RoundsGradient<Block>) {
                for (auto& rounded : d_rounded) cursor.take(rounded, n);
            }
            cursor.take(mean, n);
            cursor.take(deviation, n);
        }
        sum.streams = cursor.lap();

        const std::size_t kept = keeps_each_block(use) ? layers : 1;
        for (std::size_t i = 0; i < kept; ++i) cursor.take_saved(saved[i], n);
        if (memory != nullptr) {
            for (std::size_t i = kept; i < layers; ++i) saved[i] = saved[0];
        }
        cursor.take_saved(final_saved, n);
        sum.saved = cursor.lap();

        // Forward passes borrow less than backward ones; one figure covers both.
        const std::size_t block = on_paper<Block>(extent).scratch;
        const std::size_t last = on_paper<FinalNorm>(extent).scratch;
        std::byte* scratch_start = nullptr;
        const std::size_t scratch_size = block > last ? block : last;
        cursor.take(scratch_start, scratch_size);
        if (memory != nullptr) scratch = {scratch_start, scratch_size};
        sum.scratch = cursor.lap();

        cursor.take(head_in, chunk);
        if (train) cursor.take(d_head_in, chunk);
        cursor.take(logits, chunk);
        if (train && own_d_logits) cursor.take(d_logits, chunk);
        sum.head = cursor.lap();
        return sum;
    }

    /// Of the tokens: [count, V].
    [[nodiscard]] MatrixView<Compute> logits_of(std::size_t count) const {
        return logits.first_rows(count).columns(0, vocab);
    }
    /// As products write them: [count, padded_vocab].
    [[nodiscard]] MatrixView<Compute> padded_logits_of(std::size_t count) const {
        return logits.first_rows(count).columns(0, padded_vocab);
    }
    /// As products read it: [count, padded_vocab]. Empty where the logits become their gradient.
    [[nodiscard]] MatrixView<Scalar> d_logits_of(std::size_t count) const {
        if (d_logits.empty()) return {};
        return d_logits.first_rows(count).columns(0, padded_vocab);
    }

private:
    /// Hands out aligned pieces of memory one after another.
    struct Cursor {
        std::byte* memory;
        std::size_t used = 0;
        std::size_t lap_start = 0;

        template <class T>
        constexpr void take(T*& pointer, std::size_t count) {
            if (memory != nullptr) pointer = reinterpret_cast<T*>(memory + used);
            used += aligned_size(count * sizeof(T));
        }
        template <class T, std::size_t Width>
        constexpr void take(Rows<T, Width>& view, std::size_t count) {
            if (memory != nullptr) view = Rows<T, Width>(reinterpret_cast<T*>(memory + used), count);
            used += aligned_size(count * Width * sizeof(T));
        }
        template <class Saved>
        constexpr void take_saved(Saved& views, std::size_t count) {
            if (memory != nullptr) bind_saved(views, memory + used, count);
            used += saved_bytes<Saved>(count);
        }
        constexpr std::size_t lap() {
            const std::size_t since = used - lap_start;
            lap_start = used;
            return since;
        }
        /// The same; `region` is what was taken since.
        constexpr std::size_t lap(std::span<std::byte>& region) {
            std::byte* const start = memory == nullptr ? nullptr : memory + lap_start;
            const std::size_t since = lap();
            if (start != nullptr) region = {start, since};
            return since;
        }
    };
};

}  // namespace lamina
